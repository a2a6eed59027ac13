import type { LogEntry } from '@mqtt-cluster/contracts';
import { configOf, entriesOf } from './member.ts';
import { TestCluster } from './test-cluster.ts';

function withLogs(logs: Record<string, string>, term: number): TestCluster {
  const cluster = new TestCluster();
  const config = configOf(Object.keys(logs).join(' '));
  for (const [id, terms] of Object.entries(logs))
    cluster.add(id, { config, entries: entriesOf(terms), hardState: { term, votedFor: null } });
  return cluster;
}

describe('replication (paper, 5.3)', () => {
  test('a leader sends entries that were proposed together in one append and in order', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    const before = cluster.delivered.length;
    expect(cluster.get('A').raft.propose([new Uint8Array([1]), new Uint8Array([2])])).toBe(2);
    expect(cluster.get('A').raft.propose([new Uint8Array([3])])).toBe(4);
    cluster.settle();
    const appends = cluster.delivered
      .slice(before)
      .filter(
        ({ to, message }) => to === 'B' && message.type === 'appendRequest' && message.entries.length > 0,
      );
    expect(appends).toHaveLength(1);
    expect(cluster.get('B').commit).toBe(4);
  });

  test('a leader limits the size of appends and the number of appends in flight', () => {
    const cluster = TestCluster.of('A B', { appendBytesMax: 500, appendsInFlightMax: 3 });
    cluster.campaign('A');
    const sent: LogEntry[][] = [];
    cluster.drops = ({ message }) => {
      if (message.type === 'appendRequest' && message.entries.length > 0) sent.push([...message.entries]);
      return message.type === 'appendResponse';
    };
    for (let count = 0; count < 20; count += 1) cluster.propose('A', 'x'.repeat(100));
    expect(sent.length).toBe(3);
    cluster.heal();
    cluster.get('A').raft.propose(Array.from({ length: 20 }, () => new Uint8Array(100)));
    cluster.advance(2_000);
    expect(cluster.get('B').commit).toBe(41);
    const appends = cluster.delivered.flatMap(({ message }) =>
      message.type === 'appendRequest'
        ? [message.entries.reduce((sum, { data }) => sum + data.length, 0)]
        : [],
    );
    expect(Math.max(...appends)).toBeLessThanOrEqual(500);
    expect(Math.max(...appends)).toBeGreaterThan(100);
  });

  test('only the leader accepts proposals', () => {
    const cluster = TestCluster.of('A B C');
    expect(cluster.propose('A', 'x')).toBeNull();
    cluster.campaign('A');
    expect(cluster.propose('B', 'x')).toBeNull();
    expect(cluster.propose('A', 'x')).toBe(2);
  });

  // The leader of the paper's figure 7 has the log 1 1 1 4 4 5 5 6 6 6 and wins term 8.
  test.each([
    ['lacks the last entry (figure 7a)', '1 1 1 4 4 5 5 6 6'],
    ['lacks most entries (figure 7b)', '1 1 1 4'],
    ['has an extra entry of the last term (figure 7c)', '1 1 1 4 4 5 5 6 6 6 6'],
    ['has extra entries of a later term (figure 7d)', '1 1 1 4 4 5 5 6 6 6 7 7'],
    ['has different entries of an old term (figure 7e)', '1 1 1 4 4 4 4'],
    ['has whole terms that no other member has (figure 7f)', '1 1 1 2 2 2 3 3 3 3 3'],
  ])(
    'the log of a follower becomes equal to the log of the leader when the follower %s',
    (_case, follower) => {
      // The vote of C alone makes A win, whether B grants its vote or not.
      const cluster = withLogs({ A: '1 1 1 4 4 5 5 6 6 6', B: follower, C: '1' }, 7);
      cluster.campaign('A');
      cluster.advance(300);
      expect(cluster.get('A').role).toBe('leader');
      for (const id of ['B', 'C']) expect(cluster.terms(id)).toBe('1 1 1 4 4 5 5 6 6 6 8');
      expect(cluster.get('B').commit).toBe(11);
    },
  );

  test('a leader finds the conflict in a long divergent log with one probe per term, not per entry', () => {
    const tail = (term: string): string => Array.from({ length: 500 }, () => term).join(' ');
    const cluster = withLogs({ A: `1 ${tail('4')} 6`, B: `1 ${tail('2')} ${tail('3')}`, C: '1' }, 6);
    cluster.campaign('A');
    cluster.advance(300);
    expect(cluster.terms('B')).toBe(cluster.terms('A'));
    const refusals = cluster.delivered.filter(
      ({ from, message }) => from === 'B' && message.type === 'appendResponse' && !message.success,
    );
    expect(refusals.length).toBeLessThanOrEqual(3);
  });

  test('a follower reorders appends that arrive out of order, without retransmission', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    for (const data of ['1', '2', '3', '4']) {
      cluster.get('A').raft.propose([new TextEncoder().encode(data)]);
      cluster.drain(cluster.get('A'));
    }
    const toB = cluster.inFlight.filter(({ to }) => to === 'B');
    expect(toB).toHaveLength(4);
    cluster.inFlight = [...toB.reverse(), ...cluster.inFlight.filter(({ to }) => to !== 'B')];
    const before = cluster.delivered.length;
    cluster.settle();
    cluster.advance(300);
    expect(cluster.values('B')).toEqual(['1', '2', '3', '4']);
    const again = cluster.delivered
      .slice(before)
      .filter(
        ({ to, message }) => to === 'B' && message.type === 'appendRequest' && message.entries.length > 0,
      );
    expect(again).toHaveLength(4);
  });

  test('a leader sends a lost append and all later appends again', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    let lost = 0;
    cluster.drops = ({ to, message }) => {
      const isEntry = to === 'B' && message.type === 'appendRequest' && message.entries.length > 0;
      if (isEntry) lost += 1;
      return isEntry && lost === 1;
    };
    for (const data of ['1', '2', '3']) cluster.propose('A', data);
    expect(cluster.values('B')).toEqual([]);
    cluster.advance(600);
    expect(cluster.values('B')).toEqual(['1', '2', '3']);
  });

  test('the response to the next heartbeat replaces a lost acknowledgement', () => {
    const cluster = TestCluster.of('A B');
    cluster.campaign('A');
    cluster.drops = ({ message }) => message.type === 'appendResponse';
    cluster.propose('A', 'x');
    expect(cluster.values('A')).toEqual([]);
    cluster.heal();
    cluster.advance(100);
    expect(cluster.values('A')).toEqual(['x']);
  });

  test('an unreachable follower does not delay commits, and appends to it do not accumulate', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.get('C').crash();
    cluster.advance(1_000);
    const before = cluster.delivered.length;
    for (let count = 0; count < 50; count += 1) cluster.propose('A', 'x'.repeat(200));
    cluster.advance(1_000);
    expect(cluster.get('B').commit).toBe(51);
    cluster.restart('C');
    cluster.advance(1_000);
    expect(cluster.get('C').commit).toBe(51);
    expect(cluster.delivered.length - before).toBeLessThan(600);
  });

  test('members ignore messages that arrive a second time', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.propose('A', 'x');
    const seen = [...cluster.delivered];
    for (const flight of seen) cluster.deliver(flight);
    cluster.settle();
    cluster.propose('A', 'y');
    cluster.advance(200);
    for (const id of ['A', 'B', 'C']) expect(cluster.values(id)).toEqual(['x', 'y']);
  });

  test('followers receive the commit index at once, without waiting for a heartbeat', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.propose('A', 'x');
    for (const id of ['A', 'B', 'C']) expect(cluster.values(id)).toEqual(['x']);
  });

  test('malformed appends do not change the log', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    const [, second, third] = entriesOf('1 1 1');
    const append = {
      type: 'appendRequest',
      term: 1,
      storeId: 'store-A-1',
      toStoreId: 'store-B-1',
      previousTerm: 1,
      commit: 9,
      round: 9,
    } as const;
    const wrong = [
      { ...append, previousIndex: 1, entries: [third!] },
      { ...append, previousIndex: 1, entries: [second!, second!] },
      { ...append, previousIndex: 1, entries: [{ ...second!, term: 5 }] },
      { ...append, previousIndex: Number.NaN, entries: [] },
    ];
    for (const message of wrong) cluster.deliver({ from: 'A', to: 'B', message });
    cluster.settle();
    expect(cluster.get('B').raft.status()).toMatchObject({ lastIndex: 1, commitIndex: 1 });
  });
});

describe('commit (paper, 5.4.2)', () => {
  test('a leader commits an entry when a majority has stored it', () => {
    const cluster = TestCluster.of('A B C D E');
    cluster.campaign('A');
    cluster.partition('A B', 'C', 'D', 'E');
    cluster.propose('A', 'x');
    expect(cluster.get('A').commit).toBe(1);
    cluster.partition('A B C', 'D', 'E');
    cluster.advance(600);
    expect(cluster.get('A').commit).toBe(2);
  });

  test('a leader does not commit an entry of an older term by counting replicas (figure 8)', () => {
    // Member A acts as S1 of the figure, which leads again in term 4. The test itself sends the messages of
    // the other members.
    const cluster = new TestCluster();
    const hardState = { term: 3, votedFor: null };
    const one = cluster.add('A', { config: configOf('A B C D E'), entries: entriesOf('1 2'), hardState });
    cluster.campaign('A');
    const from = (id: string): { storeId: string; toStoreId: string; term: number } => {
      return { storeId: `store-${id}-1`, toStoreId: 'store-A-1', term: 4 };
    };
    for (const pre of [true, false]) {
      for (const id of ['B', 'C'])
        one.raft.step(id, { type: 'voteResponse', pre, granted: true, ...from(id) });
      cluster.settle();
    }
    expect(one.role).toBe('leader');
    const stored = (id: string, matchIndex: number): void => {
      const answer = { type: 'appendResponse', success: true, conflictTerm: 0, round: 1 } as const;
      one.raft.step(id, { ...answer, matchIndex, ...from(id) });
      cluster.settle();
    };
    // Four of five members have stored the entry of term 2, but S5 could still overwrite it.
    for (const id of ['B', 'C', 'D']) stored(id, 2);
    expect(one.commit).toBe(0);
    for (const id of ['B', 'C']) stored(id, 3);
    expect(one.commit).toBe(3);
  });

  test('a new leader reports no match index for a peer before the first response of this peer', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.propose('A', 'x', 'y');
    cluster.advance(200);
    cluster.drops = ({ from, message }) => from === 'C' && message.type === 'appendResponse';
    cluster.campaign('B');
    expect(cluster.get('B').role).toBe('leader');
    expect(Object.keys(cluster.get('B').raft.status().match)).toEqual(['A']);
    cluster.drops = () => false;
    cluster.advance(200);
    const { match, lastIndex } = cluster.get('B').raft.status();
    expect(match).toEqual({ A: lastIndex, C: lastIndex });
  });

  test('a new leader commits entries of earlier terms with the first entry of its own term', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.drops = ({ message }) => message.type === 'appendResponse';
    cluster.propose('A', 'x');
    expect(cluster.get('B').commit).toBe(1);
    cluster.get('A').crash();
    cluster.heal();
    cluster.campaign('B');
    expect(cluster.values('B')).toEqual(['x']);
    expect(cluster.terms('C')).toBe('1 1 2');
  });

  test('a new leader overwrites the uncommitted entries of a deposed leader and keeps the committed ones', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.propose('A', 'kept');
    cluster.partition('A', 'B C');
    cluster.propose('A', 'lost');
    cluster.campaign('B');
    cluster.propose('B', 'new');
    cluster.heal();
    cluster.advance(1_000);
    for (const id of ['A', 'B', 'C']) expect(cluster.values(id)).toEqual(['kept', 'new']);
    expect(cluster.get('A').events).toContainEqual({ kind: 'logTruncated', from: 3 });
  });
});
