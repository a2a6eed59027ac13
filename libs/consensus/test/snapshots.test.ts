import { lanTimings } from '../src/index.ts';
import { World } from './test-cluster.ts';

/** C is away while A and B go on and cut their logs. */
function withLaggard(members = 'A B C'): World {
  const world = World.of(members);
  world.campaign('A');
  world.propose('A', 'early');
  world.get('C').crash();
  world.advance(1_000);
  for (let count = 0; count < 20; count += 1) world.propose('A', `${count}`);
  for (const id of ['A', 'B']) world.get(id).compact(0);
  return world;
}

function pieces(world: World): number[] {
  return world.delivered.flatMap(({ message }) => (message.type === 'snapshotPiece' ? [message.offset] : []));
}

describe('snapshots (paper, section 7)', () => {
  test('a follower whose entries are gone gets the state in pieces and then the rest', () => {
    const world = withLaggard();
    expect(world.get('A').raft.status().firstIndex).toBe(23);
    world.restart('C');
    world.advance(300);
    expect(world.get('C').restores).toBe(1);
    expect(pieces(world)).toEqual([0, 16, 32]);
    expect(world.get('C').chain).toBe(world.get('A').chain);
    expect(world.get('A').events).toContainEqual({ kind: 'snapshotSent', to: 'C', index: 22, bytes: 48 });
    world.propose('A', 'late');
    expect(world.values('C')).toEqual(['late']);
  });

  test('nobody is asked for a snapshot while nobody that answers needs one', () => {
    const world = withLaggard();
    let wanted = 0;
    for (let count = 0; count < 100; count += 1) {
      world.nowMs += 10;
      for (const id of ['A', 'B']) world.tick(world.get(id));
      const output = world.get('A').raft.take();
      if (output.snapshotWanted) wanted += 1;
      world.get('A').apply(output);
      for (const { to, message } of output.messages) world.flights.push({ from: 'A', to, message });
      world.settle();
    }
    expect(wanted).toBe(0);
  });

  test('writes and heartbeats go on meanwhile', () => {
    const world = withLaggard();
    world.drops = ({ message }) => message.type === 'snapshotResponse';
    world.restart('C');
    for (let count = 0; count < 50; count += 1) {
      expect(world.propose('A', `on ${count}`)).not.toBeNull();
      world.advance(50);
    }
    expect(world.get('C').raft.status().leader).toBe('A');
    expect(world.get('C').term).toBe(1);
    world.heal();
    world.advance(1_500);
    expect(world.get('C').chain).toBe(world.get('A').chain);
  });

  test('lost pieces are sent again, only those', () => {
    const world = withLaggard();
    let lost = 0;
    world.drops = ({ message }) =>
      message.type === 'snapshotPiece' && message.offset === 16 && (lost += 1) < 3;
    world.restart('C');
    world.advance(2_000);
    expect(pieces(world)).toEqual([0, 16, 32]);
    expect(lost).toBe(3);
    expect(world.get('C').chain).toBe(world.get('A').chain);
  });

  test('it is acknowledged when it is stored, not before', () => {
    const world = withLaggard();
    world.slowDisks.add('C');
    world.restart('C');
    world.sync('C');
    world.advance(300);
    expect(world.get('C').restores).toBe(1);
    expect(world.get('A').raft.status().match['C']).toBeLessThan(22);
    world.sync('C');
    world.advance(100);
    world.sync('C');
    expect(world.get('A').raft.status().match['C']).toBe(22);
    expect(world.get('C').disk.snapshot?.index).toBe(22);
  });

  test('lost with the power before it was stored: it comes again', () => {
    const world = withLaggard();
    world.slowDisks.add('C');
    world.restart('C');
    world.sync('C');
    world.advance(300);
    world.get('C').crash();
    world.slowDisks.clear();
    world.restart('C');
    world.advance(2_000);
    expect(world.get('C').chain).toBe(world.get('A').chain);
  });

  test('a new leader with the same snapshot goes on where the old one stopped', () => {
    const world = withLaggard('A B C D E');
    for (const id of ['D', 'E']) world.get(id).compact(0);
    world.drops = ({ message }) => message.type === 'snapshotPiece' && message.offset >= 32;
    world.restart('C');
    world.advance(200);
    // What the state is made of is the same for both: nothing was committed in between.
    const before = pieces(world).length;
    expect(pieces(world)).toEqual([0, 16]);
    const applied = world.get('B').snapshot();
    world.get('A').crash();
    world.campaign('B');
    world.drops = () => false;
    world.get('B').raft.provideSnapshot(applied);
    world.advance(600);
    expect(world.get('C').chain).toBe(world.get('B').chain);
    expect(pieces(world).slice(before)).toEqual(expect.arrayContaining([0, 32]));
  });

  test('a snapshot of another size starts again', () => {
    const world = World.of('A C');
    const member = world.get('C');
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
    // A hole, a repeat, and a late piece of something else change nothing.
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

  test('one that is older than what is committed is answered with that', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.propose('A', 'x');
    const before = world.delivered.length;
    world.deliver({
      from: 'A',
      to: 'B',
      message: {
        type: 'snapshotPiece',
        term: 1,
        storeId: 'store-A-1',
        toStoreId: 'store-B-1',
        index: 1,
        snapshotTerm: 1,
        config: world.get('A').founders!,
        offset: 0,
        totalBytes: 4,
        data: new Uint8Array(4),
        round: 1,
      },
    });
    world.settle();
    expect(world.get('B').restores).toBe(0);
    expect(world.delivered.slice(before + 1)).toMatchObject([
      { from: 'B', message: { type: 'appendResponse', success: true, matchIndex: 2 } },
    ]);
  });

  test('a follower that fell away in the middle of it costs no memory and starts again later', () => {
    const world = withLaggard();
    world.drops = ({ message }) => message.type === 'snapshotPiece' && message.offset > 0;
    world.restart('C');
    world.get('C').crash();
    world.advance(lanTimings.electionMsMax * 2);
    for (let count = 0; count < 20; count += 1) world.propose('A', `on ${count}`);
    world.get('A').compact(0);
    world.heal();
    world.restart('C');
    world.advance(1_000);
    expect(world.get('C').chain).toBe(world.get('A').chain);
  });
});

describe('cutting the log', () => {
  test('a follower keeps what it is asked to keep', () => {
    const world = World.of('A B C');
    world.campaign('A');
    for (let count = 0; count < 29; count += 1) world.propose('A', `${count}`);
    world.get('B').compact(10);
    expect(world.get('B').raft.status().firstIndex).toBe(21);
    expect(world.get('B').raft.entry(20)).toBeUndefined();
    expect(world.get('B').raft.termAt(20)).toBe(1);
    expect(world.get('B').raft.entry(21)?.index).toBe(21);
  });

  test('a leader keeps less when all have all, and more for one that answers but lags', () => {
    const world = World.of('A B C');
    world.campaign('A');
    for (let count = 0; count < 29; count += 1) world.propose('A', `${count}`);
    world.slowDisks.add('C');
    for (let count = 0; count < 20; count += 1) world.propose('A', `${count}`);
    world.get('A').compact(10);
    expect(world.get('A').raft.status().firstIndex).toBe(31);
    world.get('A').compact(5);
    // Nobody that lags may hold the log for ever.
    for (let count = 0; count < 20; count += 1) world.propose('A', `${count}`);
    world.get('A').compact(5);
    expect(world.get('A').raft.status().firstIndex).toBe(51);
    world.sync('C');
    world.slowDisks.clear();
    world.advance(1_000);
    world.get('A').compact(10);
    expect(world.get('A').raft.status().firstIndex).toBe(71);
    expect(world.get('A').raft.status().logBytes).toBe(0);
  });

  test('a member that restarts goes on from its snapshot', () => {
    const world = World.of('A B C');
    world.campaign('A');
    for (let count = 0; count < 20; count += 1) world.propose('A', `${count}`);
    world.get('B').compact(4);
    world.get('B').crash();
    world.restart('B');
    world.propose('A', 'x');
    world.advance(1_000);
    expect(world.get('B').chain).toBe(world.get('A').chain);
    expect(world.get('B').restores).toBe(0);
  });
});
