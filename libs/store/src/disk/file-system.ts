import { constants, write as writeTo } from 'node:fs';
import { mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { acquireLock } from './directory-lock.ts';

/** Bytes of one read. */
const readBytesMax = 64 * 1024 * 1024;

/** An open file that is written at given offsets. */
export interface WritableFile {
  /** True if each write is durable when it resolves, so that only a truncation needs a `sync`. */
  readonly syncsWrites: boolean;
  /** @returns the number of bytes written, which may be fewer than given */
  write(bytes: Uint8Array, offset: number): Promise<number>;
  /** Makes all writes durable (fdatasync). */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The disk operations that the store needs. Tests replace them with disks that tear writes, fill up and fail.
 */
export interface FileSystem {
  makeDirectory(path: string): Promise<void>;
  /** Returns the names of the files in a directory. */
  list(path: string): Promise<string[]>;
  /** Returns the content of a file of at most `constants.MAX_LENGTH` bytes (node:buffer). */
  read(path: string): Promise<Buffer>;
  /** Returns the bytes that this process may still write to the file system of a path. */
  freeBytes(path: string): Promise<number>;
  /**
   * Opens a file for writing. The mode `create` creates an empty file and replaces an existing one. The mode `update`
   * opens an existing file, whose writes are small and each need a sync.
   */
  open(path: string, mode: 'create' | 'update'): Promise<WritableFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes created, renamed and removed names durable. */
  syncDirectory(path: string): Promise<void>;
  /** Locks the directory until `release` is called or this process dies. @throws StoreLockedError */
  lock(directory: string): Promise<{ release(): Promise<void> }>;
}

/**
 * Returns whether the system syncs each write to a file of the mode `update`. With O_DSYNC, Linux writes and syncs in
 * one call, with the guarantee of fdatasync. Two calls would each need a thread of the pool, and each would wake the
 * event loop. On other systems O_DSYNC may guarantee less: on macOS only F_FULLFSYNC, which `sync` uses, reaches the
 * medium.
 */
function canSyncWrites(): boolean {
  return process.platform === 'linux';
}

export const nodeFileSystem: FileSystem = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (path) => readdir(path),
  read: (path) => readInParts(path),
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
  async open(path, mode) {
    const syncsWrites = mode === 'update' && canSyncWrites();
    const updateFlags = syncsWrites ? constants.O_RDWR | constants.O_DSYNC : 'r+';
    const handle = await open(path, mode === 'create' ? 'w' : updateFlags, 0o600);
    return {
      syncsWrites,
      // The function with a callback needs less processor time than the method of the handle.
      write: (bytes, offset) =>
        new Promise((resolve, reject) => {
          writeTo(handle.fd, bytes, 0, bytes.length, offset, (error, written) => {
            if (error) reject(error);
            else resolve(written);
          });
        }),
      sync: () => handle.datasync(),
      truncate: (length) => handle.truncate(length),
      close: () => handle.close(),
    };
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  lock: acquireLock,
};

/** Reads a file part by part, because one call cannot read a file of more than 2 GiB. */
export async function readInParts(path: string, partBytes = readBytesMax): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.allocUnsafeSlow((await handle.stat()).size);
    let read = 0;
    while (read < bytes.length) {
      const { bytesRead } = await handle.read(bytes, read, Math.min(bytes.length - read, partBytes), read);
      if (bytesRead === 0) break;
      read += bytesRead;
    }
    return bytes.subarray(0, read);
  } finally {
    await handle.close();
  }
}

/** Writes all of `bytes`, in as many calls as the system needs. */
export async function writeFully(file: WritableFile, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const written = await file.write(bytes.subarray(done), offset + done);
    // A disk that becomes full at exactly this byte may report 0 bytes before it reports ENOSPC.
    if (written === 0) throw Object.assign(new Error('the disk wrote no bytes'), { code: 'ENOSPC' });
    done += written;
  }
}

/**
 * Creates a file atomically: after a crash the file exists with its whole content or not at all. The name of
 * the file is durable after `syncDirectory`.
 * @param sync false for a file that may be lost or damaged by a loss of power
 */
export async function createFileAtomically(
  system: FileSystem,
  path: string,
  content: Uint8Array,
  sync = true,
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await system.open(temporary, 'create');
    try {
      await writeFully(file, content, 0);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await system.rename(temporary, path);
  } catch (error) {
    await system.remove(temporary).catch(() => undefined);
    throw error;
  }
}
