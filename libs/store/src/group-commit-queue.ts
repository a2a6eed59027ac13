import type { LogIndex, StoreWrite } from '@mqtt-cluster/contracts';
import { StoreFullError } from '@mqtt-cluster/contracts';
import { entriesProblem, lastIndexAfter } from './stored-state.ts';

/** One write call, and one buffer, per group. */
const groupBytesMax = 4 * 1024 * 1024;
/**
 * Beyond it the disk is too slow for what is asked of it: refused as if it were full. Snapshots don't
 * count.
 */
const waitingBytesMax = 256 * 1024 * 1024;

export class QueuedWrite {
  readonly change: StoreWrite;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;

  constructor(change: StoreWrite, resolve: () => void, reject: (error: unknown) => void) {
    this.change = change;
    this.bytes = sizeOf(change);
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Infinity when it appends nothing. */
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
 * Groups writes: whatever is called while a group is under way makes up the next ones. When a group is
 * refused everything behind it is too, because it was made in the belief that the group would come first.
 */
export class WriteQueue {
  readonly #carryOut: (group: readonly QueuedWrite[]) => Promise<void>;
  #waiting: QueuedWrite[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | null = null;
  /** First entry of the earliest write that was refused and has not been written since. */
  #refusedIndex: LogIndex = Infinity;

  /** `carryOut` resolves or rejects each write itself, or throws for the whole group. */
  constructor(carryOut: (group: readonly QueuedWrite[]) => Promise<void>) {
    this.#carryOut = carryOut;
  }

  push(change: StoreWrite): Promise<void> {
    return new Promise((resolve, reject) => {
      const write = new QueuedWrite(change, resolve, reject);
      if (this.#waitingBytes + write.bytes > waitingBytesMax && this.#waiting.length > 0) {
        this.#refuse(write, new StoreFullError('the disk is too slow: too many writes are waiting for it'));
        return;
      }
      this.#waiting.push(write);
      this.#waitingBytes += write.bytes;
      this.#running ??= this.#run();
    });
  }

  /**
   * Rejects writes whose entries don't follow the log, whose last index is `last` before the group.
   * @returns the others
   */
  accept(group: readonly QueuedWrite[], last: LogIndex): QueuedWrite[] {
    const accepted: QueuedWrite[] = [];
    let end = last;
    for (const write of group) {
      const problem = entriesProblem(end, write.change);
      if (problem === null) {
        accepted.push(write);
        end = lastIndexAfter(end, write.change);
        if (end >= this.#refusedIndex) this.#refusedIndex = Infinity;
      } else if (write.firstIndex > this.#refusedIndex) {
        // What was to come before was refused, and whoever made this one could not know it yet.
        write.reject(new StoreFullError(`the disk was full: ${problem}; write both again`));
      } else {
        write.reject(new Error(`programmer error: ${problem}`));
      }
    }
    return accepted;
  }

  /** Resolves when nothing is waiting or under way. */
  async drain(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // All calls of this turn of the event loop belong to the first group already.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#carryOut(group);
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
