import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';

/** Reads of a file that another process keeps writing. */
const readAttemptsMax = 20;
const pauseMs = 50;

/** A file as it was read. */
export interface FileContent {
  readonly path: string;
  readonly bytes: Buffer;
  /** Identity, size and times of the file. It changes when the file is replaced or rewritten. */
  readonly signature: string;
}

/**
 * Returns identity, size and times of the file that the path leads to, through symbolic links. Returns the
 * reason, in a few words, if there is no such file.
 */
export async function signatureOf(path: string): Promise<string> {
  try {
    return describe(await stat(path, { bigint: true }));
  } catch (error) {
    return reasonOf(error);
  }
}

/**
 * Reads a file as a whole. If another process changes the file meanwhile, the read is repeated.
 *
 * @throws Error with the path: the file cannot be read, is no regular file, is larger than `bytesMax`, or
 *   changes all the time
 */
export async function readStable(path: string, bytesMax: number): Promise<FileContent> {
  for (let attempt = 0; attempt < readAttemptsMax; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const before = await signatureOf(path);
    const bytes = await readOnce(path, bytesMax);
    if ((await signatureOf(path)) === before) return { path, bytes, signature: before };
  }
  throw new Error(`${path} changes while it is being read`);
}

async function readOnce(path: string, bytesMax: number): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    // To open a named pipe would block until another process opens it.
    if (!(await stat(path)).isFile()) throw new Error('is not a regular file');
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    if (size > bytesMax) throw new Error(`has more than ${bytesMax} bytes`);
    return await handle.readFile();
  } catch (error) {
    throw new Error(`${path} ${reasonOf(error)}`, { cause: error });
  } finally {
    await handle?.close();
  }
}

function describe({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this process';
  return code === undefined ? message : `cannot be read (${code})`;
}
