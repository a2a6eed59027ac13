import { open as openFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogEntry } from '@mqtt-cluster/contracts';
import type { Engine } from './engines.ts';
import { damageValue, entryBytes } from './engines.ts';

const entryCount = 2000;
/** Several, because some engines keep outdated pages that nobody reads. */
const placeCount = 9;

/**
 * Single bytes in the middle of the largest file are wrong: what does an engine hand over afterwards?
 * @returns one sentence
 */
export async function damageReport(engine: Engine, directory: string): Promise<string> {
  let log = await engine.open(directory);
  for (let index = 1; index <= entryCount; index++) {
    const entry: LogEntry = { index, term: 1, kind: 'normal', data: Buffer.alloc(entryBytes, damageValue) };
    await log.append([entry]);
  }
  await log.close();
  await damage(directory);
  try {
    log = await engine.open(directory);
  } catch (error) {
    return `refused to open: ${error instanceof Error ? error.message : String(error)}`;
  }
  const { recovered, intact } = log;
  await log.close();
  return `opened; ${recovered} of ${entryCount} entries, ${recovered - intact} of them wrong, no error`;
}

async function damage(directory: string): Promise<void> {
  let largest = { path: '', size: 0 };
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const { size } = await stat(path);
    if (size > largest.size) largest = { path, size };
  }
  const file = await openFile(largest.path, 'r+');
  for (let place = 1; place <= placeCount; place++) {
    const at = Math.floor((largest.size * place) / (placeCount + 1));
    const { buffer } = await file.read(Buffer.alloc(entryBytes * 2), 0, entryBytes * 2, at);
    // In an entry's data, not in what the engine keeps around it.
    const inData = buffer.indexOf(Buffer.alloc(entryBytes / 4, damageValue));
    if (inData >= 0) await file.write(Buffer.from([damageValue ^ 1]), 0, 1, at + inData);
  }
  await file.close();
}
