import { configOf, entriesOf } from './member.ts';
import { TestCluster } from './test-cluster.ts';

/** Creates members with logs given as terms (`A: '1 1 2'`). Each one starts in the term of its last entry. */
function withLogs(logs: Record<string, string>): TestCluster {
  const cluster = new TestCluster();
  const config = configOf(Object.keys(logs).join(' '));
  for (const [id, terms] of Object.entries(logs)) {
    const entries = entriesOf(terms);
    const hardState = { term: entries.at(-1)?.term ?? 0, votedFor: null };
    cluster.add(id, { config, entries, hardState });
  }
  return cluster;
}

describe('elections (paper, 5.2)', () => {
  test.each(['A', 'A B', 'A B C', 'A B C D E', 'A B C D E F G'])(
    'a cluster of %s elects a leader and commits',
    (members) => {
      const cluster = TestCluster.of(members);
      cluster.advance(2_000);
      expect(cluster.propose1('x')).not.toBeNull();
      cluster.advance(200);
      for (const id of members.split(' ')) expect(cluster.values(id)).toEqual(['x']);
    },
  );

  test('a cluster elects a leader in one round when a majority responds', () => {
    const cluster = TestCluster.of('A B C D E');
    cluster.get('D').crash();
    cluster.get('E').crash();
    cluster.campaign('A');
    expect(cluster.roles()).toMatchObject({ A: 'leader', B: 'follower', C: 'follower' });
    expect(cluster.get('A').term).toBe(1);
  });

  test('a cluster elects no leader without a majority', () => {
    const cluster = TestCluster.of('A B C D E');
    for (const id of ['C', 'D', 'E']) cluster.get(id).crash();
    cluster.campaign('A');
    cluster.advance(5_000);
    expect(cluster.leader()).toBeUndefined();
    // Pre-votes do not change the term, however often they get no response (thesis, 9.6).
    expect(cluster.get('A').term).toBe(0);
  });

  test('each new leader has the committed entries of all earlier leaders', () => {
    const cluster = TestCluster.of('A B C');
    for (const id of ['A', 'B', 'C', 'A', 'B']) {
      cluster.campaign(id);
      expect(cluster.leader()?.id).toBe(id);
      cluster.propose(id, `by ${id}`);
    }
    cluster.advance(200);
    expect(cluster.values('C')).toEqual(['by A', 'by B', 'by C', 'by A', 'by B']);
  });

  test.each([
    ['a candidate with a longer log of the same term wins', { A: '1 1', B: '1', C: '1' }, 'leader'],
    [
      'a candidate with a shorter log whose last term is newer wins',
      { A: '1 2', B: '1 1 1', C: '1 1 1' },
      'leader',
    ],
    ['a candidate with a shorter log of the same term loses', { A: '1', B: '1 1', C: '1 1' }, 'preCandidate'],
    [
      'a candidate with a longer log whose last term is older loses',
      { A: '1 1 1', B: '1 2', C: '1 2' },
      'preCandidate',
    ],
    [
      'a candidate wins when one of two other voters has a shorter log',
      { A: '1 1', B: '1', C: '1 1 1' },
      'leader',
    ],
  ])('%s (paper, 5.4.1)', (_name, logs, role) => {
    const cluster = withLogs(logs);
    cluster.partition('A B C');
    cluster.campaign('A');
    if (role === 'leader') expect(cluster.get('A').role).toBe('leader');
    else expect(cluster.get('A').role).not.toBe('leader');
  });

  test('a new leader overwrites uncommitted entries in longer logs of followers', () => {
    const cluster = withLogs({ A: '1 2', B: '1 2', C: '1 1 1 1', D: '1', E: '1' });
    cluster.campaign('A');
    cluster.advance(300);
    for (const id of ['A', 'B', 'C', 'D', 'E']) expect(cluster.terms(id)).toBe('1 2 3');
    expect(cluster.get('C').events).toContainEqual({ kind: 'logTruncated', from: 2 });
  });

  test('two candidates split the votes of one term, and one of them wins a later term', () => {
    const cluster = TestCluster.of('A B C');
    cluster.partition('A', 'B', 'C');
    // Both candidates win their pre-votes and campaign before they receive each other's messages.
    for (const [id, other] of [['A', 'C'] as const, ['C', 'A'] as const]) {
      cluster.partition(`${id} B`, other);
      cluster.drops = (
        (before) => (flight) =>
          before(flight) || (flight.message.type === 'voteRequest' && !flight.message.pre)
      )(cluster.drops);
      cluster.campaign(id);
    }
    expect(cluster.roles()).toMatchObject({ A: 'candidate', C: 'candidate' });
    expect(cluster.get('A').term).toBe(cluster.get('C').term);
    cluster.heal();
    cluster.advance(3_000);
    expect(cluster.propose1('x')).not.toBeNull();
    const leaders = Object.values(cluster.roles()).filter((role) => role === 'leader');
    expect(leaders).toHaveLength(1);
  });

  test('a voter grants one vote per term, and repeats this vote only to the same candidate', () => {
    const cluster = TestCluster.of('A B C');
    const voter = cluster.get('C');
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
    // The same member id with a different store is a different candidate.
    expect(ask('A', 'store-A-2')).toEqual([false]);
  });

  test('a follower ignores append requests of older terms', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.campaign('B');
    const [entry] = entriesOf('1');
    cluster.deliver({
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
    cluster.settle();
    expect(cluster.terms('C')).toBe('1 2');
    expect(cluster.get('C').raft.status().leader).toBe('B');
  });

  test('a candidate ignores votes addressed to another store id, and votes of a store outside the configuration', () => {
    const cluster = TestCluster.of('A B C');
    cluster.partition('A', 'B', 'C');
    cluster.campaign('A');
    const grant = { type: 'voteResponse', pre: true, granted: true, term: 1 } as const;
    cluster.get('A').raft.step('B', { ...grant, storeId: 'store-B-1', toStoreId: 'store-A-0' });
    cluster.get('A').raft.step('B', { ...grant, storeId: 'store-B-9', toStoreId: 'store-A-1' });
    cluster.get('A').raft.step('X', { ...grant, storeId: 'store-X-1', toStoreId: 'store-A-1' });
    expect(cluster.get('A').role).toBe('preCandidate');
    cluster.get('A').raft.step('B', { ...grant, storeId: 'store-B-1', toStoreId: 'store-A-1' });
    expect(cluster.get('A').role).toBe('candidate');
  });

  test('a member outside the configuration does not campaign, and becomes a learner when it is added', () => {
    const cluster = TestCluster.of('A B');
    cluster.add('X', { config: null });
    cluster.advance(3_000);
    expect(cluster.get('X').role).toBe('none');
    expect(cluster.get('X').term).toBe(0);
    cluster.config(cluster.leader()!.id, 'A B +X');
    cluster.advance(300);
    expect(cluster.get('X').role).toBe('learner');
  });
});
