import type { RaftOutput } from '../src/index.ts';
import { configOf, entriesOf } from './member.ts';
import { TestCluster } from './test-cluster.ts';

describe('persistent state before responses (paper, figure 2)', () => {
  test('a follower acknowledges an append only after storing its entries', () => {
    const cluster = TestCluster.of('A B');
    cluster.campaign('A');
    cluster.slowDisks.add('B');
    cluster.propose('A', 'x');
    expect(cluster.get('A').commit).toBe(1);
    cluster.advance(300);
    // During the slow write the follower responds to heartbeats; otherwise the leader would lose its quorum.
    expect(cluster.get('A').role).toBe('leader');
    expect(cluster.get('A').commit).toBe(1);
    cluster.sync('B');
    expect(cluster.get('A').commit).toBe(2);
  });

  test("a leader's slow disk does not delay the commit of entries that a majority of other members has stored", () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.slowDisks.add('A');
    cluster.propose('A', 'x');
    for (const id of ['A', 'B', 'C']) expect(cluster.values(id)).toEqual(['x']);
  });

  test('a single member wins the election and commits only after its own disk has stored the vote and the entry', () => {
    const cluster = TestCluster.of('A');
    cluster.slowDisks.add('A');
    cluster.campaign('A');
    expect(cluster.get('A').role).toBe('candidate');
    cluster.sync('A');
    expect(cluster.get('A').role).toBe('leader');
    cluster.sync('A');
    cluster.get('A').raft.propose([new Uint8Array(1)]);
    cluster.settle();
    expect(cluster.get('A').commit).toBe(1);
    cluster.sync('A');
    expect(cluster.get('A').commit).toBe(2);
  });

  test('a voter sends a vote only after storing the vote, and a candidate requests votes only after storing its term', () => {
    const cluster = TestCluster.of('A B C');
    cluster.partition('A B', 'C');
    cluster.slowDisks.add('A');
    cluster.slowDisks.add('B');
    cluster.campaign('A');
    const votes = (): string[] =>
      cluster.delivered.flatMap(({ from, message }) => ('pre' in message && !message.pre ? [from] : []));
    expect(votes()).toEqual([]);
    cluster.sync('A');
    expect(votes()).toEqual(['A']);
    expect(cluster.get('A').role).toBe('candidate');
    cluster.sync('B');
    expect(votes()).toEqual(['A', 'B']);
    expect(cluster.get('A').role).toBe('leader');
  });

  test('a voter that lost an unsent vote in a power loss may vote for another candidate', () => {
    const cluster = TestCluster.of('A B C');
    cluster.slowDisks.add('C');
    cluster.partition('A C', 'B');
    cluster.campaign('A');
    cluster.get('C').crash();
    cluster.slowDisks.clear();
    cluster.partition('B C', 'A');
    cluster.restart('C');
    cluster.campaign('B');
    expect(cluster.get('B').role).toBe('leader');
    expect(cluster.get('A').role).not.toBe('leader');
  });

  test('a follower acknowledges no entries of an older leader after a new leader has overwritten them', () => {
    const cluster = TestCluster.of('A B C D E');
    cluster.campaign('A');
    cluster.slowDisks.add('C');
    cluster.partition('A C', 'B D E');
    cluster.propose('A', 'old 1', 'old 2');
    // The old tail is in flight to the disk of C when the new leader replaces it.
    cluster.get('A').crash();
    cluster.partition('B C', 'A D E');
    cluster.heal();
    cluster.partition('B C D E');
    cluster.get('D').crash();
    cluster.get('E').crash();
    for (const id of ['D', 'E']) cluster.restart(id);
    cluster.campaign('B');
    cluster.sync('C');
    expect(cluster.get('B').role).toBe('leader');
    cluster.propose('B', 'new 1', 'new 2', 'new 3');
    const held = cluster.get('C').writes.length;
    expect(held).toBeGreaterThan(0);
    expect(cluster.get('B').raft.status().match['C']).toBeLessThan(5);
    cluster.sync('C');
    cluster.advance(200);
    expect(cluster.get('B').raft.status().match['C']).toBe(cluster.get('B').raft.status().lastIndex);
    expect(cluster.get('C').disk.entries.map(({ term }) => term)).toEqual(
      cluster.get('B').disk.entries.map(({ term }) => term),
    );
  });

  test('a write that is stored late does not acknowledge entries truncated in the meantime', () => {
    const cluster = new TestCluster();
    const member = cluster.add('B', { config: configOf('A B C') });
    const header = { storeId: 'store-A-1', toStoreId: 'store-B-1', type: 'appendRequest' } as const;
    const append = { ...header, previousIndex: 0, previousTerm: 0, commit: 0, round: 1 };
    const take = (): RaftOutput => member.raft.take();
    member.raft.step('A', { ...append, term: 1, entries: entriesOf('1 1 1') });
    const first = take().write!;
    member.raft.step('A', {
      ...append,
      term: 2,
      previousIndex: 1,
      previousTerm: 1,
      entries: entriesOf('1 2').slice(1),
    });
    const second = take().write!;
    expect(second).toMatchObject({ truncateFrom: 2, hardState: { term: 2 } });
    member.raft.stored(first.token);
    expect(take().messages).toEqual([]);
    member.raft.stored(second.token);
    const answers = take().messages;
    expect(answers.at(-1)?.message).toMatchObject({ success: true, matchIndex: 2, term: 2 });
  });

  test('a stored write with a new term does not acknowledge entries that are not stored yet', () => {
    const cluster = new TestCluster();
    const member = cluster.add('B', { config: configOf('A B C') });
    const append = {
      type: 'appendRequest',
      storeId: 'store-A-1',
      toStoreId: 'store-B-1',
      commit: 0,
      round: 1,
    } as const;
    const write = (): number => member.raft.take().write!.token;
    member.raft.step('A', {
      ...append,
      term: 1,
      previousIndex: 0,
      previousTerm: 0,
      entries: entriesOf('1 1 1'),
    });
    write();
    const vote = { type: 'voteRequest', pre: false, lastIndex: 9, lastTerm: 1, force: true } as const;
    member.raft.step('C', { ...vote, term: 2, storeId: 'store-C-1', toStoreId: 'store-B-1' });
    const term = write();
    const entries = entriesOf('1 2 2').slice(1);
    const header = { storeId: 'store-C-1', term: 2, previousIndex: 1, previousTerm: 1 };
    member.raft.step('C', { ...append, ...header, entries });
    const tail = write();
    const acknowledged = (token: number): number[] => {
      member.raft.stored(token);
      return member.raft
        .take()
        .messages.flatMap(({ message }) => (message.type === 'appendResponse' ? [message.matchIndex] : []));
    };
    expect(acknowledged(term)).toEqual([1]);
    expect(acknowledged(tail)).toEqual([3]);
  });

  test('entries that are truncated before they are written never reach the disk', () => {
    const cluster = new TestCluster();
    const member = cluster.add('B', { config: configOf('A B C') });
    const append = {
      type: 'appendRequest',
      storeId: 'store-A-1',
      toStoreId: 'store-B-1',
      previousIndex: 0,
      previousTerm: 0,
      commit: 0,
      round: 1,
    } as const;
    member.raft.step('A', { ...append, term: 1, entries: entriesOf('1 1 1') });
    member.raft.step('C', { ...append, storeId: 'store-C-1', term: 2, entries: entriesOf('2 2') });
    const { write } = member.raft.take();
    expect(write?.truncateFrom).toBeUndefined();
    expect(write?.entries?.map(({ term }) => term)).toEqual([2, 2]);
  });
});

describe('lost acknowledged entries', () => {
  test('a leader reports a peer that has lost acknowledged entries once, and no longer counts its acknowledgements', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    for (const data of ['1', '2', '3']) cluster.propose('A', data);
    cluster.advance(300);
    cluster.get('C').crash();
    cluster.get('C').disk.entries.length = 1;
    cluster.restart('C');
    cluster.advance(500);
    const reports = cluster.get('A').events.filter(({ kind }) => kind === 'storeRegressed');
    expect(reports).toEqual([{ kind: 'storeRegressed', member: 'C' }]);
    // C gets the entries back, but without B the acknowledgements of C do not make a majority.
    expect(cluster.terms('C')).toBe('1 1 1 1');
    cluster.get('B').crash();
    cluster.propose('A', '4');
    cluster.advance(200);
    expect(cluster.values('A')).toEqual(['1', '2', '3']);
  });

  test('a leader does not report a peer that restarts with all its entries', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    for (const data of ['1', '2', '3']) cluster.propose('A', data);
    cluster.get('C').crash();
    cluster.restart('C');
    cluster.advance(500);
    cluster.propose('A', '4');
    expect(cluster.get('A').events.filter(({ kind }) => kind === 'storeRegressed')).toEqual([]);
    expect(cluster.get('A').raft.status().match).toEqual({ B: 5, C: 5 });
  });
});
