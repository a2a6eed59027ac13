import type { RaftOutput } from '../src/index.ts';
import { configOf, entriesOf } from './member.ts';
import { World } from './test-cluster.ts';

describe('what must be on the disk first (paper, figure 2: persistent state)', () => {
  test('an append is acknowledged when it is stored, not before', () => {
    const world = World.of('A B');
    world.campaign('A');
    world.slowDisks.add('B');
    world.propose('A', 'x');
    expect(world.get('A').commit).toBe(1);
    world.advance(300);
    // Heartbeats are answered meanwhile, or a slow disk would cost the leader its majority.
    expect(world.get('A').role).toBe('leader');
    expect(world.get('A').commit).toBe(1);
    world.sync('B');
    expect(world.get('A').commit).toBe(2);
  });

  test("a leader's own slow disk does not hold up what a majority of others has", () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.slowDisks.add('A');
    world.propose('A', 'x');
    for (const id of ['A', 'B', 'C']) expect(world.values(id)).toEqual(['x']);
  });

  test('without others its own disk is what counts', () => {
    const world = World.of('A');
    world.slowDisks.add('A');
    world.campaign('A');
    expect(world.get('A').role).toBe('candidate');
    world.sync('A');
    expect(world.get('A').role).toBe('leader');
    world.sync('A');
    world.get('A').raft.propose([new Uint8Array(1)]);
    world.settle();
    expect(world.get('A').commit).toBe(1);
    world.sync('A');
    expect(world.get('A').commit).toBe(2);
  });

  test('a vote leaves when it is stored, and a candidate asks when its term is', () => {
    const world = World.of('A B C');
    world.partition('A B', 'C');
    world.slowDisks.add('A');
    world.slowDisks.add('B');
    world.campaign('A');
    const votes = (): string[] =>
      world.delivered.flatMap(({ from, message }) => ('pre' in message && !message.pre ? [from] : []));
    expect(votes()).toEqual([]);
    world.sync('A');
    expect(votes()).toEqual(['A']);
    expect(world.get('A').role).toBe('candidate');
    world.sync('B');
    expect(votes()).toEqual(['A', 'B']);
    expect(world.get('A').role).toBe('leader');
  });

  test('a vote that was lost with the power may be given again, to somebody else', () => {
    const world = World.of('A B C');
    world.slowDisks.add('C');
    world.partition('A C', 'B');
    world.campaign('A');
    world.get('C').crash();
    world.slowDisks.clear();
    world.partition('B C', 'A');
    world.restart('C');
    world.campaign('B');
    expect(world.get('B').role).toBe('leader');
    expect(world.get('A').role).not.toBe('leader');
  });

  test('what an append of an older leader wrote does not count after it was overwritten', () => {
    const world = World.of('A B C D E');
    world.campaign('A');
    world.slowDisks.add('C');
    world.partition('A C', 'B D E');
    world.propose('A', 'old 1', 'old 2');
    // C has the old tail on its way to the disk when the new leader replaces it.
    world.get('A').crash();
    world.partition('B C', 'A D E');
    world.heal();
    world.partition('B C D E');
    world.get('D').crash();
    world.get('E').crash();
    for (const id of ['D', 'E']) world.restart(id);
    world.campaign('B');
    world.sync('C');
    expect(world.get('B').role).toBe('leader');
    world.propose('B', 'new 1', 'new 2', 'new 3');
    const held = world.get('C').writes.length;
    expect(held).toBeGreaterThan(0);
    expect(world.get('B').raft.status().match['C']).toBeLessThan(5);
    world.sync('C');
    world.advance(200);
    expect(world.get('B').raft.status().match['C']).toBe(world.get('B').raft.status().lastIndex);
    expect(world.get('C').disk.entries.map(({ term }) => term)).toEqual(
      world.get('B').disk.entries.map(({ term }) => term),
    );
  });

  test('a write that is stored late confirms only what it still stands for', () => {
    const world = new World();
    const member = world.add('B', { config: configOf('A B C') });
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

  test('nor when the new term was stored before the new entries', () => {
    const world = new World();
    const member = world.add('B', { config: configOf('A B C') });
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

  test('entries that are overwritten before they were written never reach the disk', () => {
    const world = new World();
    const member = world.add('B', { config: configOf('A B C') });
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

describe('a full disk', () => {
  test('what was refused comes again in one piece, later, and nothing leaves meanwhile', () => {
    const world = new World();
    const { raft } = world.add('B', { config: configOf('A B C') });
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
    // Written or not: it stands on what is not there.
    raft.stored(second.token);
    expect(raft.take().messages).toEqual([]);
    raft.step('A', { ...append, previousIndex: 2, previousTerm: 1, entries: [three!] });
    raft.tick(world.nowMs + 50);
    expect(raft.take().write).toBeNull();
    raft.tick(world.nowMs + 150);
    const again = raft.take().write!;
    expect(again.token).toBeGreaterThan(second.token);
    expect(again).toMatchObject({ hardState: { term: 1 }, truncateFrom: 1, entries: [one, two, three] });
    expect(raft.take().messages).toEqual([]);
    raft.stored(again.token);
    expect(raft.take().messages).toMatchObject([{ message: { success: true, matchIndex: 3 } }]);
  });

  test('what a snapshot on the disk stands for is not written again', () => {
    const world = new World();
    const { raft } = world.add('B', { config: configOf('A B C') });
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
    raft.tick(world.nowMs + 150);
    const again = raft.take().write!;
    expect(again.truncateFrom).toBe(3);
    expect(again.entries?.map(({ index }) => index)).toEqual([3]);
  });

  test('a vote that the disk refused is not given', () => {
    const world = World.of('A B C');
    world.partition('A B', 'C');
    world.slowDisks.add('B');
    world.campaign('A');
    const voter = world.get('B');
    const refused = voter.writes.shift()!;
    voter.raft.storeRefused(refused.token);
    world.settle();
    expect(world.get('A').role).toBe('candidate');
    world.slowDisks.clear();
    world.advance(200);
    expect(world.get('A').role).toBe('leader');
  });

  test('one full disk slows nobody else', () => {
    const world = World.of('A B C');
    world.campaign('A');
    world.slowDisks.add('C');
    for (let count = 0; count < 100; count += 1) {
      world.propose('A', `${count}`);
      const refused = world.get('C').writes.shift();
      if (refused !== undefined) world.get('C').raft.storeRefused(refused.token);
      world.advance(20);
    }
    expect(world.get('A').commit).toBe(101);
    expect(world.get('A').term).toBe(1);
    world.slowDisks.clear();
    world.advance(1_000);
    expect(world.get('C').disk.entries).toHaveLength(101);
    expect(world.get('A').raft.status().match).toEqual({ B: 101, C: 101 });
  });
});

describe('a store that has lost what it acknowledged', () => {
  test('is reported once and counts no more', () => {
    const world = World.of('A B C');
    world.campaign('A');
    for (const data of ['1', '2', '3']) world.propose('A', data);
    world.advance(300);
    world.get('C').crash();
    world.get('C').disk.entries.length = 1;
    world.restart('C');
    world.advance(500);
    const reports = world.get('A').events.filter(({ kind }) => kind === 'storeRegressed');
    expect(reports).toEqual([{ kind: 'storeRegressed', member: 'C' }]);
    // It gets its data back, but with B gone its word alone is no majority.
    expect(world.terms('C')).toBe('1 1 1 1');
    world.get('B').crash();
    world.propose('A', '4');
    world.advance(200);
    expect(world.values('A')).toEqual(['1', '2', '3']);
  });

  test('an ordinary restart is no such thing', () => {
    const world = World.of('A B C');
    world.campaign('A');
    for (const data of ['1', '2', '3']) world.propose('A', data);
    world.get('C').crash();
    world.restart('C');
    world.advance(500);
    world.propose('A', '4');
    expect(world.get('A').events.filter(({ kind }) => kind === 'storeRegressed')).toEqual([]);
    expect(world.get('A').raft.status().match).toEqual({ B: 5, C: 5 });
  });
});
