import type { LogIndex, StoreWrite } from '@mqtt-cluster/contracts';
import { StoreFullError } from '@mqtt-cluster/contracts';
import type { SnapshotReference } from './journal/journal-record.ts';
import { continuityError, lastIndexAfter } from './stored-state.ts';

/** Maximum size of a group, which is written with one call from one buffer. */
const groupBytesMax = 4 * 1024 * 1024;
/**
 * Maximum size of the waiting writes, without snapshots. If more bytes wait, the disk is too slow, and the
 * store refuses writes as on a full disk.
 */
const waitingBytesMax = 256 * 1024 * 1024;

export class QueuedWrite {
  readonly change: StoreWrite;
  /** The file of the snapshot, if it is already written. */
  readonly written: SnapshotReference | null;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;

  constructor(
    change: StoreWrite,
    written: SnapshotReference | null,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.change = change;
    this.written = written;
    this.bytes = sizeOf(change);
    this.resolve = resolve;
    this.reject = reject;
  }

  /** The first index that the write appends; Infinity if it appends no entry. */
  get firstIndex(): LogIndex {
    return this.change.entries?.[0]?.index ?? Infinity;
  }
}

function sizeOf(change: StoreWrite): number {
  let bytes = 64;
  for (const entry of change.entries ?? []) bytes += entry.data.length + 32;
  for (const item of change.outboxPut ?? []) bytes += item.data.length + 32;
  return bytes;
}

/**
 * Group commit: writes that are called while a group is being written and synced make up the next group. When
 * a group is refused, all waiting writes are refused too: their callers assumed that the group would be
 * stored before them.
 */
export class GroupCommitQueue {
  readonly #commitGroup: (group: readonly QueuedWrite[]) => Promise<void>;
  #waiting: QueuedWrite[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | null = null;
  /** The first index of the earliest refused write that has not been stored since. */
  #refusedIndex: LogIndex = Infinity;

  /** `commitGroup` resolves or rejects each write itself, or throws an error that rejects the whole group. */
  constructor(commitGroup: (group: readonly QueuedWrite[]) => Promise<void>) {
    this.#commitGroup = commitGroup;
  }

  /** @param written the file of the snapshot, if it is already written */
  push(change: StoreWrite, written: SnapshotReference | null = null): Promise<void> {
    return new Promise((resolve, reject) => {
      const write = new QueuedWrite(change, written, resolve, reject);
      if (this.#waitingBytes + write.bytes > waitingBytesMax && this.#waiting.length > 0) {
        const waiting = `${this.#waitingBytes} bytes of writes are waiting`;
        this.#refuse(write, new StoreFullError(`write refused: the disk is too slow (${waiting})`));
        return;
      }
      this.#waiting.push(write);
      this.#waitingBytes += write.bytes;
      this.#running ??= this.#run();
    });
  }

  /**
   * Rejects writes whose entries do not follow the log. `last` is the last log index before the group of
   * writes.
   * @returns the writes whose entries follow the log
   */
  accept(group: readonly QueuedWrite[], last: LogIndex): QueuedWrite[] {
    const accepted: QueuedWrite[] = [];
    let end = last;
    for (const write of group) {
      const problem = continuityError(end, write.change);
      if (problem === null) {
        accepted.push(write);
        end = lastIndexAfter(end, write.change);
        if (end >= this.#refusedIndex) this.#refusedIndex = Infinity;
      } else if (write.firstIndex > this.#refusedIndex) {
        // The write before this one was refused, but its caller had not received that error yet.
        write.reject(
          new StoreFullError(
            `${problem}, because the disk was full for the write before it; write both again`,
          ),
        );
      } else {
        write.reject(new Error(`programmer error: ${problem}`));
      }
    }
    return accepted;
  }

  /** Resolves when no write is waiting or in progress. */
  async drain(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // The first group contains all writes of the current turn of the event loop.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#commitGroup(group);
      } catch (error) {
        const behind = this.#waiting;
        this.#waiting = [];
        this.#waitingBytes = 0;
        for (const write of [...group, ...behind]) this.#refuse(write, error);
      }
    }
    this.#running = null;
  }

  #refuse(write: QueuedWrite, error: unknown): void {
    this.#refusedIndex = Math.min(this.#refusedIndex, write.firstIndex);
    write.reject(error);
  }

  /** Removes the next group from the queue. A write with a snapshot is a group of its own. */
  #takeGroup(): QueuedWrite[] {
    let count = 0;
    let bytes = 0;
    for (const write of this.#waiting) {
      const alone = write.change.snapshot !== undefined;
      if (count > 0 && (alone || bytes + write.bytes > groupBytesMax)) break;
      count++;
      bytes += write.bytes;
      if (alone) break;
    }
    this.#waitingBytes -= this.#waiting.slice(0, count).reduce((sum, write) => sum + write.bytes, 0);
    return this.#waiting.splice(0, count);
  }
}
