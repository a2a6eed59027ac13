import { QueueDrops } from '../src/manager/queue-drops.ts';

const ids = ['m1', 'm2', 'm3'];

interface View {
  /** Drops that each member has seen since it has the session in memory. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly home: string | null;
  readonly leader: string;
  /** Members that are not serving. */
  readonly joining?: readonly string[];
}

/** Three members of a cluster. Returns what each one has counted after these views, of which the first one is its start. */
function countsAfter(...views: readonly View[]): number[] {
  return ids.map((self) => {
    const drops = new QueueDrops(self);
    for (const { dropped, home, leader, joining = [] } of views)
      drops.observe(
        'plant',
        { home, dropped: dropped[self]! },
        {
          state: joining.includes(self) ? 'joining' : 'serving',
          role: self === leader ? 'leader' : 'follower',
        },
      );
    return drops.of('plant');
  });
}

const all = (dropped: number): Record<string, number> => ({ m1: dropped, m2: dropped, m3: dropped });

test('each drop is counted by exactly one member, whatever members run the link', () => {
  const counts = countsAfter(
    { dropped: all(0), home: null, leader: 'm1' },
    { dropped: all(2), home: 'm2', leader: 'm1' },
    { dropped: all(5), home: 'm3', leader: 'm1' },
    { dropped: all(9), home: 'm2', leader: 'm1' },
  );
  expect(counts).toEqual([0, 2 + 4, 3]);
});

test('the leader counts the drops of a link that no member runs', () => {
  const counts = countsAfter(
    { dropped: all(0), home: 'm3', leader: 'm1' },
    { dropped: all(4), home: null, leader: 'm2' },
  );
  expect(counts).toEqual([0, 4, 0]);
});

test('a member counts no drops of the time before its start, and those behind a snapshot or in a new session', () => {
  const counts = countsAfter(
    { dropped: all(7), home: 'm2', leader: 'm1' },
    { dropped: all(8), home: 'm2', leader: 'm1' },
    { dropped: all(3), home: 'm2', leader: 'm1' },
  );
  expect(counts).toEqual([0, 1 + 3, 0]);
});

test('a home that has restarted does not count the drops again while it catches up', () => {
  const counts = countsAfter(
    { dropped: { ...all(6), m2: 0 }, home: 'm2', leader: 'm1' },
    { dropped: all(6), home: 'm2', leader: 'm1', joining: ['m2'] },
    { dropped: all(7), home: 'm2', leader: 'm1' },
  );
  expect(counts).toEqual([0, 1, 0]);
});

test('a link without a session has dropped nothing, and a removed link is forgotten', () => {
  const drops = new QueueDrops('m1');
  const leader = { state: 'serving', role: 'leader' } as const;
  drops.observe('plant', undefined, leader);
  drops.observe('plant', { home: null, dropped: 2 }, leader);
  expect(drops.of('plant')).toBe(2);
  drops.retain(new Set(['other']));
  drops.observe('plant', { home: null, dropped: 5 }, leader);
  expect(drops.of('plant')).toBe(0);
});
