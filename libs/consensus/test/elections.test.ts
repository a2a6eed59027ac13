import { lanTimings } from '../src/index.ts';
import { configOf, entriesOf } from './member.ts';
import { World } from './test-cluster.ts';

/** Members with the logs given as terms (`A: '1 1 2'`), in the term of their last entry. */
function withLogs(logs: Record<string, string>): World {
  const world = new World();
  const config = configOf(Object.keys(logs).join(' '));
  for (const [id, terms] of Object.entries(logs)) {
    const entries = entriesOf(terms);
    const hardState = { term: entries.at(-1)?.term ?? 0, votedFor: null };
    world.add(id, { config, entries, hardState });
  }
  return world;
}

describe('elections (paper, 5.2)', () => {
  test.each(['A', 'A B', 'A B C', 'A B C D E', 'A B C D E F G'])(
    '%s elect a leader and commit',
    (members) => {
      const world = World.of(members);
      world.advance(2_000);
      expect(world.propose1('x')).not.toBeNull();
      world.advance(200);
      for (const id of members.split(' ')) expect(world.values(id)).toEqual(['x']);
    },
  );

  test('a leader is elected in one round when a majority answers', () => {
    const world = World.of('A B C D E');
    world.get('D').crash();
    world.get('E').crash();
    world.campaign('A');
    expect(world.roles()).toMatchObject({ A: 'leader', B: 'follower', C: 'follower' });
    expect(world.get('A').term).toBe(1);
  });

  test('nobody is elected without a majority', () => {
    const world = World.of('A B C D E');
    for (const id of ['C', 'D', 'E']) world.get(id).crash();
    world.campaign('A');
    world.advance(5_000);
    expect(world.leader()).toBeUndefined();
    // Pre-votes change no term, however long nobody answers (thesis, 9.6).
    expect(world.get('A').term).toBe(0);
  });

  test('leadership goes round and each leader has the log of the one before', () => {
    const world = World.of('A B C');
    for (const id of ['A', 'B', 'C', 'A', 'B']) {
      world.campaign(id);
      expect(world.leader()?.id).toBe(id);
      world.propose(id, `by ${id}`);
    }
    world.advance(200);
    expect(world.values('C')).toEqual(['by A', 'by B', 'by C', 'by A', 'by B']);
  });

  test.each([
    ['a longer log of the same term wins', { A: '1 1', B: '1', C: '1' }, 'leader'],
    ['a shorter log of a newer term wins', { A: '1 2', B: '1 1 1', C: '1 1 1' }, 'leader'],
    ['a shorter log of the same term loses', { A: '1', B: '1 1', C: '1 1' }, 'preCandidate'],
    ['a longer log of an older term loses', { A: '1 1 1', B: '1 2', C: '1 2' }, 'preCandidate'],
    ['one voter that is behind is enough', { A: '1 1', B: '1', C: '1 1 1' }, 'leader'],
  ])('%s (paper, 5.4.1)', (_name, logs, role) => {
    const world = withLogs(logs);
    world.partition('A B C');
    world.campaign('A');
    if (role === 'leader') expect(world.get('A').role).toBe('leader');
    else expect(world.get('A').role).not.toBe('leader');
  });

  test('a new leader overwrites what others have of newer terms that was never committed', () => {
    const world = withLogs({ A: '1 2', B: '1 2', C: '1 1 1 1', D: '1', E: '1' });
    world.campaign('A');
    world.advance(300);
    for (const id of ['A', 'B', 'C', 'D', 'E']) expect(world.terms(id)).toBe('1 2 3');
    expect(world.get('C').events).toContainEqual({ kind: 'tailOverwritten', from: 2 });
  });

  test('two candidates of one term: one vote each, one of them wins later', () => {
    const world = World.of('A B C');
    world.partition('A', 'B', 'C');
    // Both have had their pre-votes and campaign before they hear of each other.
    for (const [id, other] of [['A', 'C'] as const, ['C', 'A'] as const]) {
      world.partition(`${id} B`, other);
      world.drops = (
        (before) => (flight) =>
          before(flight) || (flight.message.type === 'voteRequest' && !flight.message.pre)
      )(world.drops);
      world.campaign(id);
    }
    expect(world.roles()).toMatchObject({ A: 'candidate', C: 'candidate' });
    expect(world.get('A').term).toBe(world.get('C').term);
    world.heal();
    world.advance(3_000);
    expect(world.propose1('x')).not.toBeNull();
    const leaders = Object.values(world.roles()).filter((role) => role === 'leader');
    expect(leaders).toHaveLength(1);
  });

  test('one vote per term, for the same candidate again and again', () => {
    const world = World.of('A B C');
    const voter = world.get('C');
    const request = {
      type: 'voteRequest',
      term: 3,
      toStoreId: voter.storeId,
      pre: false,
      lastIndex: 0,
      lastTerm: 0,
      force: false,
    } as const;
    const ask = (from: string, storeId: string): boolean[] => {
      voter.raft.step(from, { ...request, storeId });
      const answers: boolean[] = [];
      for (let more = true; more;) {
        const { messages, write } = voter.raft.take();
        for (const { message } of messages)
          if (message.type === 'voteResponse') answers.push(message.granted);
        if (write !== null) voter.raft.stored(write.token);
        more = write !== null;
      }
      return answers;
    };
    expect(ask('A', 'store-A-1')).toEqual([true]);
    expect(ask('A', 'store-A-1')).toEqual([true]);
    expect(ask('B', 'store-B-1')).toEqual([false]);
    // The name is the same, the store is another one: another candidate.
    expect(ask('A', 'store-A-2')).toEqual([false]);
  });

  test('messages of older terms change nothing', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.campaign('B');
    const [entry] = entriesOf('1');
    world.deliver({
      from: 'A',
      to: 'C',
      message: {
        type: 'appendRequest',
        term: 1,
        storeId: 'store-A-1',
        toStoreId: 'store-C-1',
        previousIndex: 0,
        previousTerm: 0,
        entries: [entry!],
        commit: 1,
        round: 99,
      },
    });
    world.settle();
    expect(world.terms('C')).toBe('1 2');
    expect(world.get('C').raft.status().leader).toBe('B');
  });

  test('what is meant for another store, or comes from one that is not configured, counts for nothing', () => {
    const world = World.of('A B C');
    world.partition('A', 'B', 'C');
    world.campaign('A');
    const grant = { type: 'voteResponse', pre: true, granted: true, term: 1 } as const;
    world.get('A').raft.step('B', { ...grant, storeId: 'store-B-1', toStoreId: 'store-A-0' });
    world.get('A').raft.step('B', { ...grant, storeId: 'store-B-9', toStoreId: 'store-A-1' });
    world.get('A').raft.step('X', { ...grant, storeId: 'store-X-1', toStoreId: 'store-A-1' });
    expect(world.get('A').role).toBe('preCandidate');
    world.get('A').raft.step('B', { ...grant, storeId: 'store-B-1', toStoreId: 'store-A-1' });
    expect(world.get('A').role).toBe('candidate');
  });

  test('a member of no cluster neither campaigns nor votes, but follows who leads it', () => {
    const world = World.of('A B');
    world.add('X', { config: null });
    world.advance(3_000);
    expect(world.get('X').role).toBe('none');
    expect(world.get('X').term).toBe(0);
    world.config(world.leader()!.id, 'A B +X');
    world.advance(300);
    expect(world.get('X').role).toBe('learner');
  });
});

describe('pre-vote and check-quorum (thesis, 6.2, 4.2.3 and 9.6)', () => {
  test('a leader that hears no majority for an election time-out steps down', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.partition('A', 'B C');
    world.advance(lanTimings.electionMsMax + lanTimings.heartbeatMs);
    expect(world.get('A').role).not.toBe('leader');
    expect(world.get('A').events).toContainEqual({
      kind: 'steppedDown',
      term: 1,
      reason: 'no majority answered',
    });
  });

  test('a leader that wakes up from a pause steps down before it does anything else', () => {
    const world = World.of('A B C');
    world.campaign('A');
    const sleeper = world.get('A');
    sleeper.raft.tick(world.nowMs + 3_000 + sleeper.clockAheadMs);
    expect(sleeper.role).not.toBe('leader');
    expect(sleeper.raft.propose([new Uint8Array(1)])).toBeNull();
  });

  test('answers to heartbeats from before a pause do not prolong a leadership', () => {
    const world = World.of('A B C');
    world.campaign('A');
    const late: typeof world.flights = [];
    world.drops = (flight) => {
      if (flight.to === 'A') late.push(flight);
      return flight.to === 'A';
    };
    world.advance(700);
    expect(world.get('A').role).toBe('leader');
    // All at once, half a time-out after they were given.
    world.nowMs += 700;
    for (const flight of late.filter(({ message }) => message.type === 'appendResponse').slice(0, 4))
      world.deliver(flight);
    world.tick(world.get('A'));
    expect(world.get('A').role).not.toBe('leader');
  });

  test('a member that was cut off comes back without unseating anybody', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.partition('A B', 'C');
    world.advance(5_000);
    world.propose('A', 'x');
    world.heal();
    world.advance(2_000);
    expect(world.leader()?.id).toBe('A');
    expect(world.get('A').term).toBe(1);
    expect(world.values('C')).toEqual(['x']);
  });

  test('a member that cannot hear the leader alone causes no elections', () => {
    const world = World.of('A B C D E');
    world.campaign('A');
    world.drops = ({ from, to }) => [from, to].sort().join('') === 'AB';
    world.advance(10_000);
    expect(world.get('A').role).toBe('leader');
    expect(world.get('C').term).toBe(1);
  });

  test('a member in a newer term than its leader brings an election, not a deadlock', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.propose('A', 'x');
    const stray = world.get('C');
    stray.crash();
    stray.disk.hardState = { term: 7, votedFor: 'C/store-C-1' };
    world.restart('C');
    world.advance(3_000);
    expect(world.leader()!.term).toBeGreaterThan(7);
    world.propose1('y');
    world.advance(200);
    expect(world.values('A')).toEqual(['x', 'y']);
    expect(world.values('C')).toEqual(['x', 'y']);
  });

  test('a voter that hears its leader ignores candidates, whatever their term', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.deliver({
      from: 'C',
      to: 'B',
      message: {
        type: 'voteRequest',
        term: 9,
        storeId: 'store-C-1',
        toStoreId: 'store-B-1',
        pre: false,
        lastIndex: 99,
        lastTerm: 8,
        force: false,
      },
    });
    world.settle();
    expect(world.get('B').term).toBe(1);
    expect(world.get('B').raft.status().leader).toBe('A');
  });

  test('a leader that is dead for certain is replaced without waiting for any time-out', () => {
    const world = World.of('A B C D E');
    world.campaign('A');
    world.propose('A', 'x');
    world.get('A').crash();
    for (const id of ['B', 'C', 'D', 'E']) world.get(id).raft.link('A', 'refused');
    world.advance(lanTimings.goneLeaderDelayMsMax, 1);
    expect(world.leader()?.id).not.toBe('A');
    expect(world.leader()?.role).toBe('leader');
  });

  test('one that alone believes its leader to be dead stays alone with it', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.get('B').raft.link('A', 'refused');
    world.drops = ({ from, to }) => from === 'A' && to === 'B';
    world.advance(2_000);
    expect(world.get('A').role).toBe('leader');
    expect(world.get('A').term).toBe(1);
  });
});
