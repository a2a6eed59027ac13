import type { FileSystem, WritableFile } from '../disk/file-system.ts';

/** The faults that a test injects into a disk. */
export interface DiskFaults {
  /** Whether the disk has no space left. */
  readonly full: boolean;
  /** Milliseconds added to every sync. */
  readonly slowMs: number;
}

/**
 * Wraps a file system whose disk becomes full or slow on demand, for tests of whole members. `faults` is
 * called for each operation.
 */
export function faultyFileSystem(inner: FileSystem, faults: () => DiskFaults): FileSystem {
  const slowly: Slowly = async (sync) => {
    const { slowMs } = faults();
    if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
    return sync();
  };
  return {
    ...inner,
    async open(path, mode) {
      return faultyFile(await inner.open(path, mode), faults, slowly);
    },
    syncDirectory: (path) => slowly(() => inner.syncDirectory(path)),
  };
}

type Slowly = <Result>(sync: () => Promise<Result>) => Promise<Result>;

function faultyFile(file: WritableFile, faults: () => DiskFaults, slowly: Slowly): WritableFile {
  /** Whether the last free bytes were used. */
  let exhausted = false;
  const { syncsWrites } = file;
  return {
    syncsWrites,
    async write(bytes, offset) {
      exhausted &&= faults().full;
      if (!faults().full) {
        return syncsWrites ? slowly(() => file.write(bytes, offset)) : file.write(bytes, offset);
      }
      // As on a real disk, the first half of the write still fits, and only the call for the rest fails.
      if (exhausted || bytes.length < 2)
        throw Object.assign(new Error('no space left on the simulated disk'), { code: 'ENOSPC' });
      exhausted = true;
      return file.write(bytes.subarray(0, bytes.length >> 1), offset);
    },
    sync: () => slowly(() => file.sync()),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  };
}
