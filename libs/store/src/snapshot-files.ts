import { constants } from 'node:buffer';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { BytesInPieces, Snapshot, SnapshotWrite } from '@mqtt-cluster/contracts';
import { checkLength, StoreCorruptError, StoreFullError } from '@mqtt-cluster/contracts';
import { replaceStoreAdvice } from './disk/disk-errors.ts';
import type { FileSystem } from './disk/file-system.ts';
import { writeFully } from './disk/file-system.ts';
import type { SnapshotReference } from './journal/journal-record.ts';

/**
 * Snapshots are written in blocks. Reading the pages of a block and its checksum do not block the event loop for long.
 */
const blockBytes = 256 * 1024;
/**
 * Bytes that are written before a sync. A sync of the journal does not wait for more than that: a file system may write the
 * data of all files with the first sync (ext4, `data=ordered`).
 */
const unsyncedBytesMax = 1024 * 1024;
/**
 * Most bytes that a snapshot of this member's own state leaves free for the journal and the pages. A small snapshot leaves a
 * quarter of its length: a member on a small disk must be able to cut its log.
 */
const reservedBytesMax = 64 * 1024 * 1024;
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
 * Checks that a snapshot of this member's own state can be stored and read again. A snapshot that fills the disk would stop the
 * journal, which the member needs more: its log is complete without the snapshot.
 *
 * @throws StoreFullError
 */
export async function checkRoom(
  system: FileSystem,
  directory: string,
  { data: { length } }: Pick<SnapshotWrite, 'data'>,
): Promise<void> {
  if (length > constants.MAX_LENGTH)
    throw new StoreFullError(
      `cannot write a snapshot of ${length} bytes: this version of Node reads at most ${constants.MAX_LENGTH} bytes; lower the ` +
        'bounds of queues and retained messages',
    );
  const free = await system.freeBytes(directory);
  const reservedBytes = Math.min(Math.ceil(length / 4), reservedBytesMax);
  if (free < length + reservedBytes)
    throw new StoreFullError(
      `cannot write a snapshot of ${length} bytes: the disk has ${free} bytes free, and ${reservedBytes} of them are for the log; ` +
        'free space on the disk',
    );
}

/**
 * Writes and syncs a snapshot file. The name of the file becomes durable when the next journal segment is
 * created, because creating a segment also syncs the directory. The snapshot takes effect only when a journal
 * record refers to the file.
 *
 * @param afterSync called after each sync but the last, with the time that the bytes of this sync needed
 * @throws MessagePageError the bytes of the snapshot cannot be read
 */
export async function writeSnapshot(
  system: FileSystem,
  directory: string,
  file: number,
  { index, term, config, data }: SnapshotWrite,
  afterSync: (durationMs: number) => Promise<void> = async () => undefined,
): Promise<SnapshotReference> {
  const path = join(directory, snapshotName(file));
  let checksum = 0;
  let written = 0;
  try {
    const handle = await system.open(path, 'create');
    try {
      let startedMs = performance.now();
      let syncedBytes = 0;
      for (const block of blocksOf(data)) {
        if (written - syncedBytes >= unsyncedBytesMax) {
          await handle.sync();
          syncedBytes = written;
          await afterSync(performance.now() - startedMs);
          startedMs = performance.now();
        }
        checksum = crc32(block, checksum);
        await writeFully(handle, block, written);
        written += block.length;
      }
      checkLength(written, data);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await system.remove(path).catch(() => undefined);
    throw error;
  }
  return { index, term, config, file, bytes: written, checksum };
}

/** Yields the bytes in blocks of equal size. A block is valid until the next one is taken. */
function* blocksOf(data: Uint8Array | BytesInPieces): Generator<Uint8Array, void> {
  const block = Buffer.allocUnsafeSlow(Math.min(blockBytes, data.length));
  let used = 0;
  for (const piece of data instanceof Uint8Array ? [data] : data.pieces()) {
    for (let offset = 0; offset < piece.length;) {
      const part = piece.subarray(offset, offset + block.length - used);
      block.set(part, used);
      offset += part.length;
      used += part.length;
      if (used < block.length) continue;
      yield block;
      used = 0;
    }
  }
  if (used > 0) yield block.subarray(0, used);
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
  for (let offset = 0; offset < data.length; offset += blockBytes) {
    checksum = crc32(data.subarray(offset, offset + blockBytes), checksum);
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
