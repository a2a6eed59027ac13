import type { LogEntry, RecoveredState, StoreWrite } from '@mqtt-cluster/contracts';
import type { Migration } from '../src/index.ts';
import { createStore } from '../src/index.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

export const firstSegment = 'journal-00000001.log';
export const config = { members: [] };

/** Creates a store on a simulated disk, like a new process. */
export function storeOn(
  disk: SimulatedDisk,
  segmentBytesMax = 10_000,
  migrations?: ReadonlyMap<number, Migration>,
) {
  return createStore({
    directory: '/disk',
    fileSystem: disk.fileSystem(),
    segmentBytesMax,
    ...(migrations === undefined ? {} : { migrations }),
  });
}

/** Writes and syncs each change separately. Then the process dies, or closes the store in order. */
export async function write(
  disk: SimulatedDisk,
  changes: StoreWrite[],
  end: 'dies' | 'closes',
): Promise<void> {
  const store = storeOn(disk);
  await store.open('a');
  for (const change of changes) await store.write(change);
  if (end === 'closes') await store.close();
  else disk.crash(() => 0);
}

/** Opens and closes a store in order. @returns the recovered content */
export async function reopen(disk: SimulatedDisk): Promise<RecoveredState> {
  const store = storeOn(disk);
  const recovered = await store.open('a');
  await store.close();
  return recovered;
}

/** Returns random numbers for `SimulatedDisk.crash`: the given values one after the other, then 0. */
export function crashDecisions(...values: number[]): () => number {
  return () => values.shift() ?? 0;
}

export function largeEntry(index: number, bytes: number): LogEntry {
  return { index, term: 1, kind: 'normal', data: Buffer.alloc(bytes, index) };
}
