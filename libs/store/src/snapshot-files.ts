import { join } from 'node:path';
import type { Snapshot } from '@mqtt-cluster/contracts';
import { StoreCorruptError } from '@mqtt-cluster/contracts';
import { crc32 } from './crc32.ts';
import { replaceAdvice } from './disk/disk-errors.ts';
import type { FileSystem } from './disk/file-system.ts';
import { writeFully } from './disk/file-system.ts';
import type { SnapshotReference } from './journal/journal-record.ts';

/** Written and summed in pieces, so that the event loop is never held up for long. */
const pieceBytes = 1024 * 1024;
const namePattern = /^snapshot-(\d{8,})\.bin$/;

export function snapshotName(file: number): string {
  return `snapshot-${String(file).padStart(8, '0')}.bin`;
}

/** @returns the number in a snapshot file's name, or null for other files. */
export function snapshotNumber(name: string): number | null {
  const match = namePattern.exec(name);
  return match === null ? null : Number(match[1]);
}

/**
 * The content is durable afterwards; the name is with the next sync of the directory, which the segment that
 * follows brings. It counts only once a record of the journal names it.
 */
export async function writeSnapshot(
  system: FileSystem,
  directory: string,
  file: number,
  snapshot: Snapshot,
): Promise<SnapshotReference> {
  const path = join(directory, snapshotName(file));
  let checksum = 0;
  try {
    const handle = await system.open(path, 'create');
    try {
      for (let offset = 0; offset < snapshot.data.length; offset += pieceBytes) {
        const piece = snapshot.data.subarray(offset, offset + pieceBytes);
        checksum = crc32(piece, checksum);
        await writeFully(handle, piece, offset);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await system.remove(path).catch(() => undefined);
    throw error;
  }
  const { index, term, config, data } = snapshot;
  return { index, term, config, file, bytes: data.length, checksum };
}

/** @throws StoreCorruptError */
export async function readSnapshot(
  system: FileSystem,
  directory: string,
  reference: SnapshotReference,
): Promise<Snapshot> {
  const name = snapshotName(reference.file);
  if (!(await system.list(directory)).includes(name)) {
    throw new StoreCorruptError(`${join(directory, name)} is missing; ${replaceAdvice}`);
  }
  const data = await system.read(join(directory, name));
  let checksum = 0;
  for (let offset = 0; offset < data.length; offset += pieceBytes) {
    checksum = crc32(data.subarray(offset, offset + pieceBytes), checksum);
  }
  if (data.length !== reference.bytes || checksum !== reference.checksum) {
    throw new StoreCorruptError(
      `${join(directory, name)}: wrong checksum of the snapshot at ${reference.index}; ${replaceAdvice}`,
    );
  }
  const { index, term, config } = reference;
  return { index, term, config, data };
}
