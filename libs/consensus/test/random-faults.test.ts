import { Disasters } from './random-faults.ts';

/** SEEDS=n runs so many. */
const seeds = Number(process.env['SEEDS'] ?? 250);
const steps = 1_500;

/** SEED=n runs that one alone. */
const chosen = process.env['SEED'];

describe('random disasters', () => {
  test('keep the promises of Raft, and the members agree once all is well again', () => {
    const first = chosen === undefined ? 1 : Number(chosen);
    const last = chosen === undefined ? seeds : first;
    const counts: Record<string, number> = {};
    for (let seed = first; seed <= last; seed += 1) {
      const disasters = new Disasters(seed);
      try {
        disasters.run(steps);
        disasters.recover();
      } catch (error) {
        throw new Error(`SEED=${seed}: ${(error as Error).message}`, { cause: error });
      }
      for (const [kind, count] of Object.entries(disasters.counts()))
        counts[kind] = (counts[kind] ?? 0) + count;
    }
    if (chosen !== undefined) return;
    // Disasters that let nothing happen would prove nothing.
    const expected = [
      'elected',
      'steppedDown',
      'tailOverwritten',
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
