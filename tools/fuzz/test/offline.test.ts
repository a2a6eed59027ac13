import { fileURLToPath } from 'node:url';
import { Campaign, offlineTargets } from '../src/index.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('malformed input of the formats between members, on disk and in files of users and rules', () => {
  const targets = offlineTargets(root);

  it.each(targets.map((target) => [target.name, target] as const))(
    '%s: a parser returns a value or a declared error for thirty cases',
    async (_name, target) => {
      const report = await new Campaign({ targets: [target], seed: 1, forMs: Infinity, cases: 30 }).run();
      expect(report.faults.map(({ error }) => error.message)).toEqual([]);
      expect(report.cases.get(target.name)).toBe(30);
    },
    120_000,
  );
});
