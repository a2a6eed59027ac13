import { lanTimings } from '../src/index.ts';
import { TestCluster } from './test-cluster.ts';

/** Creates a cluster in which C is down while A and B append entries and compact their logs. */
function withLaggard(members = 'A B C'): TestCluster {
  const cluster = TestCluster.of(members);
  cluster.campaign('A');
  cluster.propose('A', 'early');
  cluster.get('C').crash();
  cluster.advance(1_000);
  for (let count = 0; count < 20; count += 1) cluster.propose('A', `${count}`);
  for (const id of ['A', 'B']) cluster.get(id).compact(0);
  return cluster;
}

function pieces(cluster: TestCluster): number[] {
  return cluster.delivered.flatMap(({ message }) =>
    message.type === 'snapshotPiece' ? [message.offset] : [],
  );
}

describe('snapshots (paper, section 7)', () => {
  test('a follower gets a snapshot in pieces when the leader has compacted the entries it needs', () => {
    const cluster = withLaggard();
    expect(cluster.get('A').raft.status().firstIndex).toBe(23);
    cluster.restart('C');
    cluster.advance(300);
    expect(cluster.get('C').restores).toBe(1);
    expect(pieces(cluster)).toEqual([0, 16, 32]);
    expect(cluster.get('C').digest).toBe(cluster.get('A').digest);
    expect(cluster.get('A').events).toContainEqual({ kind: 'snapshotSent', to: 'C', index: 22, bytes: 48 });
    cluster.propose('A', 'late');
    expect(cluster.values('C')).toEqual(['late']);
  });

  test('a leader requests no snapshot while the only peer that needs one is unreachable', () => {
    const cluster = withLaggard();
    let wanted = 0;
    for (let count = 0; count < 100; count += 1) {
      cluster.nowMs += 10;
      for (const id of ['A', 'B']) cluster.tick(cluster.get(id));
      const output = cluster.get('A').raft.take();
      if (output.snapshotNeeded) wanted += 1;
      cluster.get('A').apply(output);
      for (const { to, message } of output.messages) cluster.inFlight.push({ from: 'A', to, message });
      cluster.settle();
    }
    expect(wanted).toBe(0);
  });

  test('a leader requests a snapshot until the caller has provided one, and leads meanwhile', () => {
    const cluster = withLaggard();
    const { raft } = cluster.get('A');
    cluster.providesSnapshots = false;
    expect([...cluster.requesting]).toEqual([]);
    cluster.restart('C');
    cluster.advance(300);
    const snapshot = cluster.get('A').snapshot();
    for (let count = 0; count < 10; count += 1) {
      expect([...cluster.requesting]).toEqual(['A']);
      cluster.propose('A', `on ${count}`);
      cluster.advance(lanTimings.electionMsMax / 2);
    }
    expect(raft.status()).toMatchObject({ role: 'leader', term: 1 });
    expect(pieces(cluster)).toEqual([]);
    raft.provideSnapshot(snapshot);
    cluster.advance(300);
    expect([...cluster.requesting]).toEqual([]);
    expect(pieces(cluster)).toEqual([0, 16, 32]);
    expect(cluster.get('C').restores).toBe(1);
    expect(cluster.get('C').digest).toBe(cluster.get('A').digest);
  });

  test('a leader accepts proposals and sends heartbeats during a snapshot transfer', () => {
    const cluster = withLaggard();
    cluster.drops = ({ message }) => message.type === 'snapshotResponse';
    cluster.restart('C');
    for (let count = 0; count < 50; count += 1) {
      expect(cluster.propose('A', `on ${count}`)).not.toBeNull();
      cluster.advance(50);
    }
    expect(cluster.get('C').raft.status().leader).toBe('A');
    expect(cluster.get('C').term).toBe(1);
    cluster.heal();
    cluster.advance(1_500);
    expect(cluster.get('C').digest).toBe(cluster.get('A').digest);
  });

  test('a leader sends only the lost pieces of a snapshot again', () => {
    const cluster = withLaggard();
    let lost = 0;
    cluster.drops = ({ message }) =>
      message.type === 'snapshotPiece' && message.offset === 16 && (lost += 1) < 3;
    cluster.restart('C');
    cluster.advance(2_000);
    expect(pieces(cluster)).toEqual([0, 16, 32]);
    expect(lost).toBe(3);
    expect(cluster.get('C').digest).toBe(cluster.get('A').digest);
  });

  test('a follower acknowledges a snapshot only after storing the snapshot', () => {
    const cluster = withLaggard();
    cluster.slowDisks.add('C');
    cluster.restart('C');
    cluster.sync('C');
    cluster.advance(300);
    expect(cluster.get('C').restores).toBe(1);
    expect(cluster.get('A').raft.status().match['C']).toBeLessThan(22);
    cluster.sync('C');
    cluster.advance(100);
    cluster.sync('C');
    expect(cluster.get('A').raft.status().match['C']).toBe(22);
    expect(cluster.get('C').disk.snapshot?.index).toBe(22);
  });

  test('a leader sends a snapshot again when the follower lost power before storing the snapshot', () => {
    const cluster = withLaggard();
    cluster.slowDisks.add('C');
    cluster.restart('C');
    cluster.sync('C');
    cluster.advance(300);
    cluster.get('C').crash();
    cluster.slowDisks.clear();
    cluster.restart('C');
    cluster.advance(2_000);
    expect(cluster.get('C').digest).toBe(cluster.get('A').digest);
  });

  test('a new leader with the same snapshot continues the transfer where the old one stopped', () => {
    const cluster = withLaggard('A B C D E');
    for (const id of ['D', 'E']) cluster.get(id).compact(0);
    cluster.drops = ({ message }) => message.type === 'snapshotPiece' && message.offset >= 32;
    cluster.restart('C');
    cluster.advance(200);
    // Both leaders have the same state, because no entry was committed in between.
    const before = pieces(cluster).length;
    expect(pieces(cluster)).toEqual([0, 16]);
    const applied = cluster.get('B').snapshot();
    cluster.get('A').crash();
    cluster.campaign('B');
    cluster.drops = () => false;
    cluster.get('B').raft.provideSnapshot(applied);
    cluster.advance(600);
    expect(cluster.get('C').digest).toBe(cluster.get('B').digest);
    expect(pieces(cluster).slice(before)).toEqual(expect.arrayContaining([0, 32]));
  });

  test('a snapshot transfer starts again when the size of the snapshot differs', () => {
    const cluster = TestCluster.of('A C');
    const member = cluster.get('C');
    const header = { type: 'snapshotPiece', term: 1, toStoreId: 'store-C-1', storeId: 'store-A-1' } as const;
    const config = member.founders!;
    const piece = { ...header, index: 9, snapshotTerm: 1, config, round: 1 };
    const offsets = (): number[] => {
      const found: number[] = [];
      for (let more = true; more;) {
        const { messages, write } = member.raft.take();
        for (const { message } of messages)
          if (message.type === 'snapshotResponse') found.push(message.offset);
        if (write !== null) member.raft.stored(write.token);
        more = write !== null;
      }
      return found;
    };
    member.raft.step('A', { ...piece, offset: 0, totalBytes: 30, data: new Uint8Array(10) });
    expect(offsets()).toEqual([10]);
    // A gap, a duplicate, and a delayed piece of another snapshot change nothing.
    member.raft.step('A', { ...piece, offset: 20, totalBytes: 30, data: new Uint8Array(10) });
    expect(offsets()).toEqual([10]);
    member.raft.step('A', { ...piece, offset: 0, totalBytes: 30, data: new Uint8Array(10) });
    expect(offsets()).toEqual([10]);
    member.raft.step('A', { ...piece, index: 7, offset: 5, totalBytes: 30, data: new Uint8Array(5) });
    expect(offsets()).toEqual([0]);
    member.raft.step('A', { ...piece, offset: 0, totalBytes: 31, data: new Uint8Array(10) });
    expect(offsets()).toEqual([10]);
    member.raft.step('A', { ...piece, offset: 10, totalBytes: 30, data: new Uint8Array(20) });
    expect(member.raft.status().commitIndex).toBe(0);
  });

  test('a follower answers a snapshot below its commit index with its match index', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.propose('A', 'x');
    const before = cluster.delivered.length;
    cluster.deliver({
      from: 'A',
      to: 'B',
      message: {
        type: 'snapshotPiece',
        term: 1,
        storeId: 'store-A-1',
        toStoreId: 'store-B-1',
        index: 1,
        snapshotTerm: 1,
        config: cluster.get('A').founders!,
        offset: 0,
        totalBytes: 4,
        data: new Uint8Array(4),
        round: 1,
      },
    });
    cluster.settle();
    expect(cluster.get('B').restores).toBe(0);
    expect(cluster.delivered.slice(before + 1)).toMatchObject([
      { from: 'B', message: { type: 'appendResponse', success: true, matchIndex: 2 } },
    ]);
  });

  test('a follower that crashed during a transfer catches up with a newer snapshot later', () => {
    const cluster = withLaggard();
    cluster.drops = ({ message }) => message.type === 'snapshotPiece' && message.offset > 0;
    cluster.restart('C');
    cluster.get('C').crash();
    cluster.advance(lanTimings.electionMsMax * 2);
    for (let count = 0; count < 20; count += 1) cluster.propose('A', `on ${count}`);
    cluster.get('A').compact(0);
    cluster.heal();
    cluster.restart('C');
    cluster.advance(1_000);
    expect(cluster.get('C').digest).toBe(cluster.get('A').digest);
  });
});

describe('log compaction', () => {
  test('a follower keeps the requested number of entries before the snapshot index', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    for (let count = 0; count < 29; count += 1) cluster.propose('A', `${count}`);
    cluster.get('B').compact(10);
    expect(cluster.get('B').raft.status().firstIndex).toBe(21);
    expect(cluster.get('B').raft.entry(20)).toBeUndefined();
    expect(cluster.get('B').raft.termAt(20)).toBe(1);
    expect(cluster.get('B').raft.entry(21)?.index).toBe(21);
  });

  test('a leader keeps no entries that all peers have, and keeps a bounded number for a peer that lags', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    for (let count = 0; count < 29; count += 1) cluster.propose('A', `${count}`);
    cluster.slowDisks.add('C');
    for (let count = 0; count < 20; count += 1) cluster.propose('A', `${count}`);
    cluster.get('A').compact(10);
    expect(cluster.get('A').raft.status().firstIndex).toBe(31);
    cluster.get('A').compact(5);
    // The leader keeps no entries for a peer that lags too far.
    for (let count = 0; count < 20; count += 1) cluster.propose('A', `${count}`);
    cluster.get('A').compact(5);
    expect(cluster.get('A').raft.status().firstIndex).toBe(51);
    cluster.sync('C');
    cluster.slowDisks.clear();
    cluster.advance(1_000);
    cluster.get('A').compact(10);
    expect(cluster.get('A').raft.status().firstIndex).toBe(71);
    expect(cluster.get('A').raft.status().logBytes).toBe(0);
  });

  test('a restarted member continues from its own snapshot', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    for (let count = 0; count < 20; count += 1) cluster.propose('A', `${count}`);
    cluster.get('B').compact(4);
    cluster.get('B').crash();
    cluster.restart('B');
    cluster.propose('A', 'x');
    cluster.advance(1_000);
    expect(cluster.get('B').digest).toBe(cluster.get('A').digest);
    expect(cluster.get('B').restores).toBe(0);
  });
});
