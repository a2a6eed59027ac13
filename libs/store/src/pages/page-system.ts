import { close, mkdirSync, openSync, readdirSync, readSync, rmSync, unlink, write, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The calls of the operating system that message pages need. The simulator and the tests of failing disks replace them. All
 * but `write` and `after` are synchronous, and throw an error when the call fails.
 */
export interface PageSystem {
  /** Creates the directory, or deletes everything in it. */
  empty(directory: string): void;
  /** Creates a file that must not exist. @returns its descriptor */
  create(path: string): number;
  /** `write` of `node:fs`: `done` receives the number of the bytes written, which may be fewer than given. */
  write(
    descriptor: number,
    bytes: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null, count: number) => void,
  ): void;
  /** @returns the number of the bytes written, which may be fewer than given */
  writeAndWait(descriptor: number, bytes: Buffer, offset: number, length: number, position: number): number;
  /** Fills the bytes. @returns the number of the bytes read, which is smaller at the end of the file */
  read(descriptor: number, bytes: Buffer, position: number): number;
  closeAndRemove(descriptor: number, path: string): void;
  /** Returns monotonic milliseconds. */
  nowMs(): number;
  after(delayMs: number, action: () => void): void;
}

export const nodePageSystem: PageSystem = {
  empty(directory) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory))
      rmSync(join(directory, name), { force: true, recursive: true });
  },
  create: (path) => openSync(path, 'wx+', 0o600),
  write,
  writeAndWait: writeSync,
  read: (descriptor, bytes, position) => readSync(descriptor, bytes, 0, bytes.length, position),
  closeAndRemove(descriptor, path) {
    close(descriptor, () => undefined);
    unlink(path, () => undefined);
  },
  nowMs: () => performance.now(),
  after: (delayMs, action) => void setTimeout(action, delayMs).unref(),
};
