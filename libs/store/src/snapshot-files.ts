import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Snapshot } from '@mqtt-cluster/contracts';
import { StoreCorruptError } from '@mqtt-cluster/contracts';
import { replaceStoreAdvice } from './disk/disk-errors.ts';
import type { FileSystem } from './disk/file-system.ts';
import { writeFully } from './disk/file-system.ts';
import type { SnapshotReference } from './journal/journal-record.ts';

/**
 * Snapshots are written, checksummed and synced in pieces. A piece does not block the event loop for long, and a sync
 * of the journal does not wait for more than one piece: a file system may write the data of all files with the first
 * sync (ext4, `data=ordered`).
 */
const pieceBytes = 1024 * 1024;
const namePattern = /^snapshot-(\d{8,})\.bin$/;

export function snapshotName(file: number): string {
  return `snapshot-${String(file).padStart(8, '0')}.bin`;
}

/** @returns the number in the name of a snapshot file, or null for other files */
export function snapshotNumber(name: string): number | null {
  const match = namePattern.exec(name);
  return match === null ? null : Number(match[1]);
}

/**
 * Writes and syncs a snapshot file. The name of the file becomes durable when the next journal segment is
 * created, because creating a segment also syncs the directory. The snapshot takes effect only when a journal
 * record refers to the file.
 *
 * @param afterPiece called after each piece but the last, with the time that the disk needed for it
 */
export async function writeSnapshot(
  system: FileSystem,
  directory: string,
  file: number,
  snapshot: Snapshot,
  afterPiece: (durationMs: number) => Promise<void> = async () => undefined,
): Promise<SnapshotReference> {
  const path = join(directory, snapshotName(file));
  let checksum = 0;
  try {
    const handle = await system.open(path, 'create');
    try {
      for (let offset = 0; offset < snapshot.data.length; offset += pieceBytes) {
        const piece = snapshot.data.subarray(offset, offset + pieceBytes);
        const startedMs = performance.now();
        checksum = crc32(piece, checksum);
        await writeFully(handle, piece, offset);
        if (offset + pieceBytes >= snapshot.data.length) break;
        await handle.sync();
        await afterPiece(performance.now() - startedMs);
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

/** @throws StoreCorruptError when the file is missing or its checksum is wrong */
export async function readSnapshot(
  system: FileSystem,
  directory: string,
  reference: SnapshotReference,
): Promise<Snapshot> {
  const name = snapshotName(reference.file);
  if (!(await system.list(directory)).includes(name)) {
    throw new StoreCorruptError(`${join(directory, name)} is missing; ${replaceStoreAdvice}`);
  }
  const data = await system.read(join(directory, name));
  let checksum = 0;
  for (let offset = 0; offset < data.length; offset += pieceBytes) {
    checksum = crc32(data.subarray(offset, offset + pieceBytes), checksum);
  }
  if (data.length !== reference.bytes || checksum !== reference.checksum) {
    throw new StoreCorruptError(
      `${join(directory, name)}: the snapshot at index ${reference.index} has a wrong checksum; ` +
        replaceStoreAdvice,
    );
  }
  const { index, term, config } = reference;
  return { index, term, config, data };
}
