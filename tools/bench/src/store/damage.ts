import { open as openFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '@mqtt-cluster/kit';
import type { LogEntry } from '@mqtt-cluster/contracts';
import type { Engine } from './engines.ts';
import { damageValue, entryBytes } from './engines.ts';

const entryCount = 2000;
/**
 * Number of damaged places. The bench damages several places, because an engine never reads a place in an outdated page of
 * the file.
 */
const placeCount = 9;

/**
 * Damages single bytes in the middle of the largest file of an engine, and opens the engine again.
 *
 * @returns one sentence about the entries that the engine returns, or about its error
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
    return `refused to open: ${describeError(error)}`;
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
    // The damaged byte is in the data of an entry, not in a structure of the engine.
    const inData = buffer.indexOf(Buffer.alloc(entryBytes / 4, damageValue));
    if (inData >= 0) await file.write(Buffer.from([damageValue ^ 1]), 0, 1, at + inData);
  }
  await file.close();
}
