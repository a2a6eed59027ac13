import { StoreLockedError } from '@mqtt-cluster/contracts';
import type { FileSystem, WritableFile } from '../src/index.ts';

interface Change {
  readonly kind: 'write' | 'truncate';
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A file: its durable content, its current content, and the changes since the last sync. */
class Inode {
  durable = Buffer.alloc(0);
  current = Buffer.alloc(0);
  unsynced: Change[] = [];

  change(change: Change): void {
    this.current = applied(this.current, change);
    this.unsynced.push(change);
  }

  /** Makes all changes since the last sync durable. */
  sync(): void {
    for (const change of this.unsynced) this.durable = applied(this.durable, change);
    this.unsynced = [];
  }

  /**
   * Fails a sync as Linux does after a failed write-back: the changes stay readable from memory, but no later
   * sync writes them.
   */
  failSync(): void {
    this.unsynced = [];
  }

  /**
   * Simulates a power loss: each change since the last sync is kept, kept in part, or lost, independently of
   * the others.
   */
  crash(random: () => number): void {
    for (const change of this.unsynced) {
      const fate = random();
      if (fate < 0.4) continue;
      const kept =
        fate < 0.7 ? change.bytes : change.bytes.subarray(0, Math.floor(random() * change.bytes.length));
      this.durable = applied(this.durable, { ...change, bytes: kept });
      // The new size of the file may be durable without the data. The file then contains zeros instead of the
      // data.
      if (random() < 0.3 && change.kind === 'write') {
        this.durable = applied(this.durable, {
          ...change,
          bytes: Buffer.alloc(Math.min(40, change.bytes.length)),
        });
      }
    }
    this.current = this.durable;
    this.unsynced = [];
  }
}

function applied(content: Buffer, { kind, offset, bytes }: Change): Buffer<ArrayBuffer> {
  if (kind === 'truncate')
    return Buffer.concat([content.subarray(0, offset), Buffer.alloc(Math.max(0, offset - content.length))]);
  const result = Buffer.alloc(Math.max(content.length, offset + bytes.length));
  result.set(content);
  result.set(bytes, offset);
  return result;
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/**
 * A disk with one directory. A crash loses unsynced changes; on demand the disk becomes full, or writes and
 * syncs fail.
 */
export class SimulatedDisk {
  #names = new Map<string, Inode>();
  /**
   * The directory's content (files by name) before each creation, rename or removal of a file that is not
   * durable yet.
   */
  #nameHistory: Map<string, Inode>[] = [];
  #lockedBy: object | null = null;
  /**
   * Identifies the current process. Each crash replaces this object, so that file systems of earlier
   * processes no longer respond.
   */
  #process = {};
  /** Maximum size of all files together; Infinity for no limit. */
  capacityBytes = Infinity;
  failNextSync: string | null = null;
  /** The number of syncs that succeed before `failNextSync` takes effect. */
  syncsBeforeFailure = 0;
  /**
   * Whether a failed sync leaves its changes in memory only, so that the next sync succeeds without writing
   * them.
   */
  failedSyncDropsChanges = false;
  failNextWrite: string | null = null;
  /** Whether each write to a file that was opened for an update is a sync as well, as with O_DSYNC. */
  syncsWrites = false;
  syncs = 0;
  /** Bytes that the disk reports as free. Writes succeed also beyond them. */
  freeBytes = Infinity;

  names(): string[] {
    return [...this.#names.keys()].sort();
  }

  bytes(): number {
    let total = 0;
    for (const inode of this.#names.values()) total += inode.current.length;
    return total;
  }

  content(name: string): Buffer {
    const inode = this.#names.get(name);
    if (inode === undefined) throw fault('ENOENT');
    return inode.current;
  }

  /** Changes a file durably, without the store. */
  tamper(name: string, change: (content: Buffer) => Buffer<ArrayBuffer>): void {
    const inode = this.#names.get(name);
    if (inode === undefined) throw fault('ENOENT');
    inode.current = change(Buffer.from(inode.current));
    inode.durable = inode.current;
    inode.unsynced = [];
  }

  removeFile(name: string): void {
    this.#names.delete(name);
    this.#nameHistory = [];
  }

  /** Simulates the death of the process. The operating system keeps running, so unsynced changes stay. */
  kill(): void {
    this.#process = {};
    this.#lockedBy = null;
  }

  /**
   * Simulates a power loss: names and contents keep everything that was synced, and any part of the unsynced
   * changes.
   */
  crash(random: () => number): void {
    this.#process = {};
    this.#lockedBy = null;
    const back = Math.floor(random() * (this.#nameHistory.length + 1));
    const older = this.#nameHistory[this.#nameHistory.length - back];
    if (older !== undefined) this.#names = older;
    this.#nameHistory = [];
    for (const inode of new Set(this.#names.values())) inode.crash(random);
  }

  /** Returns the file system of one process. After a crash its operations never complete. */
  fileSystem(): FileSystem {
    const current = this.#process;
    const process = {};
    const alive = async <T>(work: () => T): Promise<T> => {
      await Promise.resolve();
      if (current !== this.#process) return new Promise<T>(() => undefined);
      return work();
    };
    const base = (path: string) => path.slice(path.lastIndexOf('/') + 1);
    return {
      makeDirectory: () => alive(() => undefined),
      list: () => alive(() => this.names()),
      read: (path) => alive(() => Buffer.from(this.content(base(path)))),
      freeBytes: () => alive(() => this.freeBytes),
      open: (path, mode) =>
        alive(() => {
          if (mode === 'create') {
            this.#rename(() => this.#names.set(base(path), new Inode()));
          }
          const inode = this.#names.get(base(path));
          if (inode === undefined) throw fault('ENOENT');
          return this.#file(inode, alive, this.syncsWrites && mode === 'update');
        }),
      rename: (from, to) =>
        alive(() => {
          const inode = this.#names.get(base(from));
          if (inode === undefined) throw fault('ENOENT');
          this.#rename(() => {
            this.#names.delete(base(from));
            this.#names.set(base(to), inode);
          });
        }),
      remove: (path) => alive(() => this.#rename(() => this.#names.delete(base(path)))),
      syncDirectory: () =>
        alive(() => {
          this.#nameHistory = [];
        }),
      lock: () =>
        alive(() => {
          if (this.#lockedBy !== null) throw new StoreLockedError('the simulated disk is locked');
          this.#lockedBy = process;
          return {
            release: async () => {
              if (this.#lockedBy === process) this.#lockedBy = null;
            },
          };
        }),
    };
  }

  #rename(change: () => void): void {
    this.#nameHistory.push(new Map(this.#names));
    change();
  }

  #file(inode: Inode, alive: <T>(work: () => T) => Promise<T>, syncsWrites: boolean): WritableFile {
    const sync = (): void => {
      if (this.failNextSync !== null && this.syncsBeforeFailure-- === 0) {
        if (this.failedSyncDropsChanges) inode.failSync();
        throw fault(this.#takeFault('failNextSync'));
      }
      this.syncs++;
      inode.sync();
    };
    return {
      syncsWrites,
      write: async (bytes, offset) => {
        const taken = await alive(() => {
          if (this.failNextWrite !== null) throw fault(this.#takeFault('failNextWrite'));
          const growth = Math.max(0, offset + bytes.length - inode.current.length);
          const room = this.capacityBytes - this.bytes();
          const fits = growth <= room ? bytes.length : Math.max(0, bytes.length - (growth - room));
          if (fits <= 0) throw fault('ENOSPC');
          inode.change({ kind: 'write', offset, bytes: Buffer.from(bytes.subarray(0, fits)) });
          return fits;
        });
        // A crash may come between the write and its sync.
        if (syncsWrites) await alive(sync);
        return taken;
      },
      sync: () => alive(sync),
      truncate: (offset) => alive(() => inode.change({ kind: 'truncate', offset, bytes: Buffer.alloc(0) })),
      close: () => alive(() => undefined),
    };
  }

  #takeFault(which: 'failNextSync' | 'failNextWrite'): string {
    const code = this[which] ?? 'EIO';
    this.syncsBeforeFailure = 0;
    this[which] = null;
    return code;
  }
}
