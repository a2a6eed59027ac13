import { join } from 'node:path';
import { parseJson } from '@mqtt-cluster/contracts';
import type { ClockRecord, StoreId } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import type { FileSystem } from './disk/file-system.ts';
import { createFileAtomically } from './disk/file-system.ts';

const clockName = 'clock.json';
const clockFormat = 1;

/** Times above this bound are not exact integers, so no correct member has written them. */
const timeMsMax = 2 ** 52;
const time = z.number().min(0).max(timeMsMax);

const clockFileSchema = z.object({
  format: z.literal(clockFormat),
  /** The store that wrote the file. A file that was copied from another store is ignored. */
  storeId: z.string(),
  clusterTimeMs: time,
  wallMs: time,
});

/**
 * Replaces the clock record of a store. The file is not synced: after a loss of power the directory may
 * contain an older file, a damaged one or none, and {@link readClock} ignores a damaged one.
 */
export async function writeClock(
  system: FileSystem,
  directory: string,
  storeId: StoreId,
  { clusterTimeMs, wallMs }: ClockRecord,
): Promise<void> {
  const text = `${JSON.stringify({ format: clockFormat, storeId, clusterTimeMs, wallMs })}\n`;
  await createFileAtomically(system, join(directory, clockName), Buffer.from(text), false);
}

/** Returns the clock record of a store, or null if the file is missing, damaged or of another store. */
export async function readClock(
  system: FileSystem,
  directory: string,
  storeId: StoreId,
): Promise<ClockRecord | null> {
  if (!(await system.list(directory)).includes(clockName)) return null;
  try {
    const record = parseJson(clockFileSchema, await system.read(join(directory, clockName)));
    return record?.storeId === storeId ? record : null;
  } catch {
    // The record is advisory, so a file that is not readable does not keep the store from opening.
    return null;
  }
}
