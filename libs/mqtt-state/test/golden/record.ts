import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goldenCase } from '@mqtt-cluster/contracts/testing';
import { encodeBatch, encodePublishes } from '../../src/index.ts';
import { recordHistory } from './history.ts';
import { commandSamples, publishSamples } from './samples.ts';
import { viewOf } from './view.ts';

// Run by `node scripts/record-golden.mjs mqtt-state NAME`; the argument is the folder of the new recording.
const [folder = '.'] = process.argv.slice(2);
const header = { member: 'm1', storeId: 'a1'.repeat(16), incarnation: 3, sequence: 129 };

function write(name: string, cases: readonly unknown[]): void {
  writeFileSync(join(folder, name), `${JSON.stringify({ cases }, null, 2)}\n`);
}

write(
  'batches.json',
  [...commandSamples].map(([name, commands]) => {
    const batch = { ...header, commands };
    return goldenCase(name, encodeBatch(batch), batch);
  }),
);
write(
  'publishes.json',
  [...publishSamples].map(([name, publishes]) => goldenCase(name, encodePublishes(publishes), publishes)),
);
write(
  'states.json',
  ([1, 2, 3, 4, 5, 6] as const).map((semantics) => {
    const { state, entries } = recordHistory(semantics);
    const value = { digest: state.digest(), content: viewOf(state), entries };
    return goldenCase(`semantics ${semantics}`, state.encode(), value);
  }),
);
