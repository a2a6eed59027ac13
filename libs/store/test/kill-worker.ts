import { writeSync } from 'node:fs';
import { createStore } from '../src/index.ts';

/**
 * Writes entries until the process is killed, and prints the index of each synced entry on standard output.
 */
const [directory = ''] = process.argv.slice(2);
const writesInFlight = 5;
const snapshotEvery = 40;

const store = createStore({ directory, segmentBytesMax: 4_000 });
const recovered = await store.open('a');
let next = (recovered.entries.at(-1)?.index ?? recovered.snapshot?.index ?? 0) + 1;

async function writeOn(): Promise<void> {
  for (;;) {
    const index = next++;
    const data = Buffer.from(`entry ${index} `.repeat(1 + (index % 30)));
    const item = { incarnation: 1, sequence: index, data };
    await store.write({
      entries: [{ index, term: 1, kind: 'normal', data }],
      outboxPut: [item],
      outboxDelete: [{ incarnation: 1, sequence: Math.max(0, index - 10) }],
    });
    writeSync(1, `${index}\n`);
    if (index % snapshotEvery === 0) {
      const state = Buffer.from(`state at ${index} `.repeat(500));
      await store.write({ snapshot: { index, term: 1, config: { members: [] }, data: state } });
    }
  }
}

await Promise.all(Array.from({ length: writesInFlight }, writeOn));
