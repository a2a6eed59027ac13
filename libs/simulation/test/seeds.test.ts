import { runSeed } from '../src/index.ts';

/** A few of the thousands that `npm run simulate` runs. */
const seeds = Array.from({ length: 20 }, (_, number) => number + 1);
/** Those that once failed. */
const regressionSeeds = [86, 1378, 6173, 6187, 20234];

test.each([...seeds, ...regressionSeeds])('seed %d', (seed) => {
  const members = seed % 10 === 0 ? 1 + (Math.floor(seed / 10) % 6) : 7;
  expect(runSeed({ seed, members }).violations).toEqual([]);
});

test('the same seed gives the same run', () => {
  const lines = [0, 1].map(() => {
    const trace: string[] = [];
    runSeed({ seed: 77, members: 5, trace: (line) => trace.push(line) });
    return trace;
  });
  expect(lines[0]?.length).toBeGreaterThan(500);
  expect(lines[0]).toEqual(lines[1]);
});
