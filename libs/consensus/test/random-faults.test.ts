import { RandomFaults } from './random-faults.ts';

/** The environment variable SEEDS sets how many seeds are run. */
const seeds = Number(process.env['SEEDS'] ?? 250);
const steps = 1_500;

/** The environment variable SEED selects a single seed. */
const chosen = process.env['SEED'];

describe('a cluster under random faults', () => {
  test('keeps the safety properties of Raft, and its members reach the same state after the faults end', () => {
    const first = chosen === undefined ? 1 : Number(chosen);
    const last = chosen === undefined ? seeds : first;
    const counts: Record<string, number> = {};
    for (let seed = first; seed <= last; seed += 1) {
      const faults = new RandomFaults(seed);
      try {
        faults.run(steps);
        faults.recover();
      } catch (error) {
        throw new Error(`SEED=${seed}: ${(error as Error).message}`, { cause: error });
      }
      for (const [kind, count] of Object.entries(faults.counts())) counts[kind] = (counts[kind] ?? 0) + count;
    }
    if (chosen !== undefined) return;
    // If these events did not happen in many runs, the test would prove nothing.
    const expected = [
      'elected',
      'steppedDown',
      'logTruncated',
      'configChanged',
      'snapshotSent',
      'restored',
      'wiped',
    ];
    for (const kind of expected) expect([kind, (counts[kind] ?? 0) > seeds / 10]).toEqual([kind, true]);
    expect(counts['committed']).toBeGreaterThan(seeds * 40);
    expect(counts['storeRegressed'] ?? 0).toBe(0);
  });
});
