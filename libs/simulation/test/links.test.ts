import { memberCountOf } from '../src/cli/worker-pool.ts';
import { SeedThreads } from './support/seed-threads.ts';

/** A seed in which the link has several runners. `npm run simulate -- --seed 3 --links` repeats it. */
const seed = 3;

test('a run with a link to another site keeps all promises when other members take the link over', async () => {
  const threads = await SeedThreads.create();
  const report = threads.run({ seed, members: memberCountOf(seed, null), links: true });
  const { violations, counters } = await report.finally(() => threads.close());
  expect(violations).toEqual([]);
  expect(counters.get('messages at the other site')).toBeGreaterThan(0);
  expect(counters.get('links taken over')).toBeGreaterThan(1);
});
