import { configOf, entriesOf } from './member.ts';
import { TestCluster } from './test-cluster.ts';

describe('a member with a full disk', () => {
  test('writes all refused content again in one later write, and holds messages until then', () => {
    const cluster = new TestCluster();
    const { raft } = cluster.add('B', { config: configOf('A B C') });
    const append = {
      type: 'appendRequest',
      storeId: 'store-A-1',
      toStoreId: 'store-B-1',
      term: 1,
      commit: 0,
      round: 1,
    } as const;
    const [one, two, three] = entriesOf('1 1 1');
    raft.step('A', { ...append, previousIndex: 0, previousTerm: 0, entries: [one!] });
    const first = raft.take().write!;
    raft.step('A', { ...append, previousIndex: 1, previousTerm: 1, entries: [two!] });
    const second = raft.take().write!;
    raft.storeRefused(first.token);
    expect(raft.take().write).toBeNull();
    // Even if the second write is on the disk, it does not count as stored without the first write.
    raft.stored(second.token);
    expect(raft.take().messages).toEqual([]);
    raft.step('A', { ...append, previousIndex: 2, previousTerm: 1, entries: [three!] });
    raft.tick(cluster.nowMs + 50);
    expect(raft.take().write).toBeNull();
    raft.tick(cluster.nowMs + 150);
    const again = raft.take().write!;
    expect(again.token).toBeGreaterThan(second.token);
    expect(again).toMatchObject({ hardState: { term: 1 }, truncateFrom: 1, entries: [one, two, three] });
    expect(raft.take().messages).toEqual([]);
    raft.stored(again.token);
    expect(raft.take().messages).toMatchObject([{ message: { success: true, matchIndex: 3 } }]);
  });

  test('does not repeat the write of entries that a stored snapshot covers', () => {
    const cluster = new TestCluster();
    const { raft } = cluster.add('B', { config: configOf('A B C') });
    raft.step('A', {
      type: 'appendRequest',
      storeId: 'store-A-1',
      toStoreId: 'store-B-1',
      term: 1,
      commit: 2,
      round: 1,
      previousIndex: 0,
      previousTerm: 0,
      entries: entriesOf('1 1 1'),
    });
    const output = raft.take();
    expect(output.committed).toHaveLength(2);
    raft.storeRefused(output.write!.token);
    raft.compact(2, 0);
    expect(raft.status().firstIndex).toBe(3);
    raft.tick(cluster.nowMs + 150);
    const again = raft.take().write!;
    expect(again.truncateFrom).toBe(3);
    expect(again.entries?.map(({ index }) => index)).toEqual([3]);
  });

  test('does not send a vote that the disk refused', () => {
    const cluster = TestCluster.of('A B C');
    cluster.partition('A B', 'C');
    cluster.slowDisks.add('B');
    cluster.campaign('A');
    const voter = cluster.get('B');
    const refused = voter.writes.shift()!;
    voter.raft.storeRefused(refused.token);
    cluster.settle();
    expect(cluster.get('A').role).toBe('candidate');
    cluster.slowDisks.clear();
    cluster.advance(200);
    expect(cluster.get('A').role).toBe('leader');
  });

  test('does not delay the other members', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.slowDisks.add('C');
    for (let count = 0; count < 100; count += 1) {
      cluster.propose('A', `${count}`);
      const refused = cluster.get('C').writes.shift();
      if (refused !== undefined) cluster.get('C').raft.storeRefused(refused.token);
      cluster.advance(20);
    }
    expect(cluster.get('A').commit).toBe(101);
    expect(cluster.get('A').term).toBe(1);
    cluster.slowDisks.clear();
    cluster.advance(1_000);
    expect(cluster.get('C').disk.entries).toHaveLength(101);
    expect(cluster.get('A').raft.status().match).toEqual({ B: 101, C: 101 });
  });
});
