import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readableOf } from '@mqtt-cluster/contracts/testing';
import { createStore } from '../../src/index.ts';
import { directories, fields, member } from './samples.ts';
import type { Directory } from './samples.ts';

// Run by `node scripts/record-golden.mjs store NAME`; the argument is the folder of the new recording.
const [folder = '.'] = process.argv.slice(2);
/** Segment size in bytes, small so that a recording contains several segments. */
const segmentBytesMax = 600;

async function write({ starts, closes }: Directory, work: string, target: string): Promise<void> {
  for (const [position, writes] of starts.entries()) {
    const store = createStore({ directory: work, segmentBytesMax });
    await store.open(member);
    for (const change of writes) await store.write(change);
    const dies = !closes && position === starts.length - 1;
    if (dies) copyFiles(work, target);
    await store.close();
  }
  if (closes) copyFiles(work, target);
}

/** Copies all files but the lock, which is a socket. */
function copyFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const item of readdirSync(from, { withFileTypes: true })) {
    if (item.isFile()) copyFileSync(join(from, item.name), join(to, item.name));
  }
}

const work = mkdtempSync(join(tmpdir(), 'golden-store-'));
const cases: unknown[] = [];
for (const directory of directories) {
  const { name } = directory;
  await write(directory, join(work, name), join(folder, name));
  copyFiles(join(folder, name), join(work, `${name}-again`));
  const store = createStore({ directory: join(work, `${name}-again`), segmentBytesMax });
  const recovered = await store.open(member);
  await store.close();
  cases.push({ name, bytes: '', value: { fields, recovered: readableOf(recovered) } });
}
rmSync(work, { recursive: true });
writeFileSync(join(folder, 'recovered.json'), `${JSON.stringify({ cases }, null, 2)}\n`);
