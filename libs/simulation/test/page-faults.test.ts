import { memberCountOf } from '../src/cli/worker-pool.ts';
import type { RunReport } from '../src/index.ts';
import { SeedThreads } from './support/seed-threads.ts';

/** Seeds that together have each fault of message pages. `npm run simulate -- --seed K --page-faults` repeats one. */
const seeds = [1, 2, 3, 4, 5, 6];

const totals = new Map<string, number>();

let threads: SeedThreads;

beforeAll(async () => {
  threads = await SeedThreads.create();
});

afterAll(() => threads.close());

test.each(seeds)('the run of seed %d with faults of message pages keeps all promises', async (seed) => {
  const members = memberCountOf(seed, null);
  const { violations, counters }: RunReport = await threads.run({ seed, members, pageFaults: true });
  expect(violations).toEqual([]);
  expect(counters.get('page writes')).toBeGreaterThan(0);
  for (const [name, count] of counters) totals.set(name, (totals.get(name) ?? 0) + count);
});

test('the seeds together damage pages and fail their reads and writes, and pages end processes', () => {
  const missing = [
    'damages of page files',
    'page disks that fail reads',
    'page disks that fail writes',
    'failed page writes',
    'processes ended by a page',
  ].filter((name) => !totals.has(name));
  expect(missing).toEqual([]);
});
