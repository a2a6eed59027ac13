import type { LogEntry } from '@mqtt-cluster/contracts';
import { configOf, entriesOf } from './member.ts';
import { World } from './test-cluster.ts';

function withLogs(logs: Record<string, string>, term: number): World {
  const world = new World();
  const config = configOf(Object.keys(logs).join(' '));
  for (const [id, terms] of Object.entries(logs))
    world.add(id, { config, entries: entriesOf(terms), hardState: { term, votedFor: null } });
  return world;
}

describe('replication (paper, 5.3)', () => {
  test('what is proposed together is sent together, in the order proposed', () => {
    const world = World.of('A B C');
    world.campaign('A');
    const before = world.delivered.length;
    expect(world.get('A').raft.propose([new Uint8Array([1]), new Uint8Array([2])])).toBe(2);
    expect(world.get('A').raft.propose([new Uint8Array([3])])).toBe(4);
    world.settle();
    const appends = world.delivered
      .slice(before)
      .filter(
        ({ to, message }) => to === 'B' && message.type === 'appendRequest' && message.entries.length > 0,
      );
    expect(appends).toHaveLength(1);
    expect(world.get('B').commit).toBe(4);
  });

  test('appends keep to their size and to how many may be on the way', () => {
    const world = World.of('A B', { appendBytesMax: 500, appendsInFlightMax: 3 });
    world.campaign('A');
    const sent: LogEntry[][] = [];
    world.drops = ({ message }) => {
      if (message.type === 'appendRequest' && message.entries.length > 0) sent.push([...message.entries]);
      return message.type === 'appendResponse';
    };
    for (let count = 0; count < 20; count += 1) world.propose('A', 'x'.repeat(100));
    expect(sent.length).toBe(3);
    world.heal();
    world.get('A').raft.propose(Array.from({ length: 20 }, () => new Uint8Array(100)));
    world.advance(2_000);
    expect(world.get('B').commit).toBe(41);
    const appends = world.delivered.flatMap(({ message }) =>
      message.type === 'appendRequest'
        ? [message.entries.reduce((sum, { data }) => sum + data.length, 0)]
        : [],
    );
    expect(Math.max(...appends)).toBeLessThanOrEqual(500);
    expect(Math.max(...appends)).toBeGreaterThan(100);
  });

  test('nobody but the leader proposes', () => {
    const world = World.of('A B C');
    expect(world.propose('A', 'x')).toBeNull();
    world.campaign('A');
    expect(world.propose('B', 'x')).toBeNull();
    expect(world.propose('A', 'x')).toBe(2);
  });

  // The leader of the paper's figure 7 has the log 1 1 1 4 4 5 5 6 6 6 and wins term 8.
  test.each([
    ['a: lacks the last entry', '1 1 1 4 4 5 5 6 6'],
    ['b: lacks most', '1 1 1 4'],
    ['c: has one more of the last term', '1 1 1 4 4 5 5 6 6 6 6'],
    ['d: has some of a later term', '1 1 1 4 4 5 5 6 6 6 7 7'],
    ['e: has others of an old term', '1 1 1 4 4 4 4'],
    ['f: has whole terms that nobody else has', '1 1 1 2 2 2 3 3 3 3 3'],
  ])('figure 7 of the paper, %s', (_case, follower) => {
    // C lets A win whatever B thinks of it.
    const world = withLogs({ A: '1 1 1 4 4 5 5 6 6 6', B: follower, C: '1' }, 7);
    world.campaign('A');
    world.advance(300);
    expect(world.get('A').role).toBe('leader');
    for (const id of ['B', 'C']) expect(world.terms(id)).toBe('1 1 1 4 4 5 5 6 6 6 8');
    expect(world.get('B').commit).toBe(11);
  });

  test('a follower that differs in a long tail is asked once per term, not once per entry', () => {
    const tail = (term: string): string => Array.from({ length: 500 }, () => term).join(' ');
    const world = withLogs({ A: `1 ${tail('4')} 6`, B: `1 ${tail('2')} ${tail('3')}`, C: '1' }, 6);
    world.campaign('A');
    world.advance(300);
    expect(world.terms('B')).toBe(world.terms('A'));
    const refusals = world.delivered.filter(
      ({ from, message }) => from === 'B' && message.type === 'appendResponse' && !message.success,
    );
    expect(refusals.length).toBeLessThanOrEqual(3);
  });

  test('appends that overtake each other are put in order without being sent again', () => {
    const world = World.of('A B C');
    world.campaign('A');
    for (const data of ['1', '2', '3', '4']) {
      world.get('A').raft.propose([new TextEncoder().encode(data)]);
      world.drain(world.get('A'));
    }
    const toB = world.flights.filter(({ to }) => to === 'B');
    expect(toB).toHaveLength(4);
    world.flights = [...toB.reverse(), ...world.flights.filter(({ to }) => to !== 'B')];
    const before = world.delivered.length;
    world.settle();
    world.advance(300);
    expect(world.values('B')).toEqual(['1', '2', '3', '4']);
    const again = world.delivered
      .slice(before)
      .filter(
        ({ to, message }) => to === 'B' && message.type === 'appendRequest' && message.entries.length > 0,
      );
    expect(again).toHaveLength(4);
  });

  test('an append that is lost is sent again and so is what followed it', () => {
    const world = World.of('A B C');
    world.campaign('A');
    let lost = 0;
    world.drops = ({ to, message }) => {
      const isEntry = to === 'B' && message.type === 'appendRequest' && message.entries.length > 0;
      if (isEntry) lost += 1;
      return isEntry && lost === 1;
    };
    for (const data of ['1', '2', '3']) world.propose('A', data);
    expect(world.values('B')).toEqual([]);
    world.advance(600);
    expect(world.values('B')).toEqual(['1', '2', '3']);
  });

  test('an answer that is lost is made up for by the next heartbeat', () => {
    const world = World.of('A B');
    world.campaign('A');
    world.drops = ({ message }) => message.type === 'appendResponse';
    world.propose('A', 'x');
    expect(world.values('A')).toEqual([]);
    world.heal();
    world.advance(100);
    expect(world.values('A')).toEqual(['x']);
  });

  test('a follower that is away costs the leader neither memory nor the others time', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.get('C').crash();
    world.advance(1_000);
    const before = world.delivered.length;
    for (let count = 0; count < 50; count += 1) world.propose('A', 'x'.repeat(200));
    world.advance(1_000);
    expect(world.get('B').commit).toBe(51);
    world.restart('C');
    world.advance(1_000);
    expect(world.get('C').commit).toBe(51);
    expect(world.delivered.length - before).toBeLessThan(600);
  });

  test('duplicates change nothing', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.propose('A', 'x');
    const seen = [...world.delivered];
    for (const flight of seen) world.deliver(flight);
    world.settle();
    world.propose('A', 'y');
    world.advance(200);
    for (const id of ['A', 'B', 'C']) expect(world.values(id)).toEqual(['x', 'y']);
  });

  test('followers learn at once what is committed, without a heartbeat', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.propose('A', 'x');
    for (const id of ['A', 'B', 'C']) expect(world.values(id)).toEqual(['x']);
  });

  test('nothing that is malformed gets into the log', () => {
    const world = World.of('A B C');
    world.campaign('A');
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
    for (const message of wrong) world.deliver({ from: 'A', to: 'B', message });
    world.settle();
    expect(world.get('B').raft.status()).toMatchObject({ lastIndex: 1, commitIndex: 1 });
  });
});

describe('commit (paper, 5.4.2)', () => {
  test('an entry is committed when a majority has it', () => {
    const world = World.of('A B C D E');
    world.campaign('A');
    world.partition('A B', 'C', 'D', 'E');
    world.propose('A', 'x');
    expect(world.get('A').commit).toBe(1);
    world.partition('A B C', 'D', 'E');
    world.advance(600);
    expect(world.get('A').commit).toBe(2);
  });

  test('figure 8: an entry of an old term is not committed by counting', () => {
    // S1 of the figure, when it leads again in term 4; the others are played by hand.
    const world = new World();
    const hardState = { term: 3, votedFor: null };
    const one = world.add('A', { config: configOf('A B C D E'), entries: entriesOf('1 2'), hardState });
    world.campaign('A');
    const from = (id: string): { storeId: string; toStoreId: string; term: number } => {
      return { storeId: `store-${id}-1`, toStoreId: 'store-A-1', term: 4 };
    };
    for (const pre of [true, false]) {
      for (const id of ['B', 'C'])
        one.raft.step(id, { type: 'voteResponse', pre, granted: true, ...from(id) });
      world.settle();
    }
    expect(one.role).toBe('leader');
    const stored = (id: string, matchIndex: number): void => {
      const answer = { type: 'appendResponse', success: true, conflictTerm: 0, round: 1 } as const;
      one.raft.step(id, { ...answer, matchIndex, ...from(id) });
      world.settle();
    };
    // The entry of term 2 is on four of five, and S5 could still overwrite it.
    for (const id of ['B', 'C', 'D']) stored(id, 2);
    expect(one.commit).toBe(0);
    for (const id of ['B', 'C']) stored(id, 3);
    expect(one.commit).toBe(3);
  });

  test('what a peer lacks is not known to a new leader until it has answered', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.propose('A', 'x', 'y');
    world.advance(200);
    world.drops = ({ from, message }) => from === 'C' && message.type === 'appendResponse';
    world.campaign('B');
    expect(world.get('B').role).toBe('leader');
    expect(Object.keys(world.get('B').raft.status().match)).toEqual(['A']);
    world.drops = () => false;
    world.advance(200);
    const { match, lastIndex } = world.get('B').raft.status();
    expect(match).toEqual({ A: lastIndex, C: lastIndex });
  });

  test('a new leader commits what is left of earlier terms with its first own entry', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.drops = ({ message }) => message.type === 'appendResponse';
    world.propose('A', 'x');
    expect(world.get('B').commit).toBe(1);
    world.get('A').crash();
    world.heal();
    world.campaign('B');
    expect(world.values('B')).toEqual(['x']);
    expect(world.terms('C')).toBe('1 1 2');
  });

  test('what a deposed leader proposed alone is gone, what it committed stays', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.propose('A', 'kept');
    world.partition('A', 'B C');
    world.propose('A', 'lost');
    world.campaign('B');
    world.propose('B', 'new');
    world.heal();
    world.advance(1_000);
    for (const id of ['A', 'B', 'C']) expect(world.values(id)).toEqual(['kept', 'new']);
    expect(world.get('A').events).toContainEqual({ kind: 'tailOverwritten', from: 3 });
  });
});
