import type { FileSystem, WritableFile } from '../disk/file-system.ts';

/** What is wrong with a disk. */
export interface DiskFaults {
  /** Nothing more fits on it. */
  readonly full: boolean;
  /** Every sync takes this much longer, ms. */
  readonly slowMs: number;
}

/** A file system whose disk fills up and slows down when told; for tests of whole members. */
export function faultyFileSystem(inner: FileSystem, faults: () => DiskFaults): FileSystem {
  const slowly = async (sync: () => Promise<void>): Promise<void> => {
    const { slowMs } = faults();
    if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
    await sync();
  };
  return {
    ...inner,
    async open(path, mode) {
      return faultyFile(await inner.open(path, mode), faults, slowly);
    },
    syncDirectory: (path) => slowly(() => inner.syncDirectory(path)),
  };
}

function faultyFile(
  file: WritableFile,
  faults: () => DiskFaults,
  slowly: (sync: () => Promise<void>) => Promise<void>,
): WritableFile {
  /** The last bytes of room were given away. */
  let exhausted = false;
  return {
    async write(bytes, offset) {
      exhausted &&= faults().full;
      if (!faults().full) return file.write(bytes, offset);
      // As on a real disk: a part still fits, and only the call for the rest fails.
      if (exhausted || bytes.length < 2)
        throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
      exhausted = true;
      return file.write(bytes.subarray(0, bytes.length >> 1), offset);
    },
    sync: () => slowly(() => file.sync()),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  };
}
