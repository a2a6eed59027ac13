import {
  discardSnapshot,
  MessagePageError,
  StoreCorruptError,
  StoreFailedError,
  wholeBytes,
} from '@mqtt-cluster/contracts';
import type {
  ClockRecord,
  LogEntry,
  LogIndex,
  OutboxItem,
  RecoveredState,
  Snapshot,
  StoreWrite,
} from '@mqtt-cluster/contracts';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';
import { DiskContent } from './disk-content.ts';
import { flipBit } from './bit-flip.ts';
import type { BitFlip } from './bit-flip.ts';

interface Pending {
  readonly token: number;
  readonly change: StoreWrite;
}

export interface DiskHandlers {
  /** Called when a sync has finished, with the tokens of its writes in order. */
  synced(tokens: readonly number[]): void;
  /** Called when the disk is full, with the tokens of the refused writes in order. */
  refused(tokens: readonly number[]): void;
  /** Called when a sync has failed: the content of the disk is uncertain, and the process must end. */
  failed(): void;
  /** Called when a message page of a snapshot cannot be read: the process must end. */
  pageFailed(error: MessagePageError): void;
}

export interface DiskBackup {
  readonly storeId: string;
  readonly incarnation: number;
  readonly content: DiskContent;
}

/**
 * Disk and store of one member. It behaves like `libs/store`: writes that arrive during a sync are grouped
 * into the next sync. A crash loses the writes that are not synced, except for a random prefix of them. A
 * write survives completely or not at all, because its record has a checksum. A damaged record before the
 * last group makes {@link Disk.open} fail.
 */
export class Disk {
  storeId: string;
  incarnation = 0;
  /** Duration of one sync in milliseconds, uniform in [min, max). */
  syncMs: readonly [number, number] = [0.5, 4];
  full = false;
  /** Whether every sync fails with EIO and the store does not open. */
  failing = false;
  /**
   * Whether a starting process writes and syncs the last group again. With false, the checks must detect the
   * omission.
   */
  rewritesLastGroup = true;
  /** The clock record of the store. It is written without a sync, so no write can fail. */
  clock: ClockRecord | null = null;
  readonly #timeline: Timeline;
  readonly #random: Random;
  #durable = new DiskContent();
  #fresh = true;
  #queued: Pending[] = [];
  #syncing: Pending[] = [];
  /**
   * Changes of a failed sync that are only in the page cache of the operating system. A starting process
   * reads these changes as if they were stored, and a loss of power drops them (Rebello et al., "Can
   * Applications Recover from fsync Failures?").
   */
  #cached: StoreWrite[] = [];
  /** Indexes of the entries that a starting process has read from the page cache and not written again. */
  readonly #onlyCached = new Set<LogIndex>();
  #damage: BitFlip | null = null;
  /** Entries before this index precede the last sync, which proves that they were stored completely. */
  #confirmedBelow: LogIndex = Infinity;
  /** Whether a crash left the last write unfinished. */
  #torn = false;
  /** Number of crashes. A sync that began before a crash does not finish after it. */
  #generation = 0;
  #handlers: DiskHandlers | null = null;
  /**
   * Whether the disk has refused a write since the process started. Then the log in the memory of the process
   * can differ from the stored log.
   */
  #hasRefused = false;

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
    this.storeId = randomStoreId(random);
  }

  /**
   * Opens the store with the next incarnation.
   *
   * @throws StoreCorruptError when a checksum is wrong and no crash can be the cause
   * @throws StoreFailedError when the disk accepts no writes
   */
  open(handlers: DiskHandlers): RecoveredState {
    if (this.failing) throw new StoreFailedError('cannot open the store (EIO)');
    if (this.damagedPart !== null)
      throw new StoreCorruptError(`the checksum of ${this.damagedPart} is wrong`);
    for (const change of this.#cached) {
      this.#apply(change);
      if (this.rewritesLastGroup) continue;
      for (const { index } of change.entries ?? []) this.#onlyCached.add(index);
    }
    const repairs = this.#torn ? ['cut off an unfinished write'] : [];
    if (this.#cached.length > 0) repairs.push('wrote the changes of a failed sync again');
    this.#cached = [];
    this.#torn = false;
    this.#handlers = handlers;
    this.incarnation += 1;
    this.#confirmedBelow = Infinity;
    const content = this.#durable;
    return {
      storeId: this.storeId,
      incarnation: this.incarnation,
      fresh: this.#fresh,
      hardState: content.hardState,
      snapshot: content.snapshot,
      entries: [...content.entries],
      outbox: content.outboxInOrder(),
      repairs,
    };
  }

  /** Queues a write for the next sync. */
  write(token: number, change: StoreWrite): void {
    this.#queued.push({ token, change });
    if (this.#syncing.length === 0) this.#startSync();
  }

  /**
   * Simulates the end of the process. A random prefix of the writes of the current sync survives. Without a
   * loss of power the queued writes can survive, too.
   */
  crash(powerLoss: boolean): void {
    const handed = [...this.#syncing, ...(powerLoss ? [] : this.#queued)];
    const survivors = this.full || this.failing ? 0 : this.#random.below(handed.length + 1);
    const survived = readable(handed.slice(0, survivors).map(({ change }) => change)).changes;
    for (const change of survived) this.#apply(change);
    if (survived.length < handed.length) this.#torn = this.#random.chance(0.5);
    this.#resetProcess();
  }

  /** Simulates a loss of power, which also loses the page cache. */
  powerLost(): void {
    if (this.#cached.length > 0) this.#torn = true;
    this.#cached = [];
    // The lost entry leaves a gap before later groups.
    const [hole] = this.#onlyCached;
    if (hole !== undefined)
      this.#damage = { description: `entry ${hole}`, isPresent: (content) => content.firstIndex <= hole };
    this.#onlyCached.clear();
  }

  /** Replaces the disk by an empty one. The process must be down. */
  wipe(): void {
    this.#durable = new DiskContent();
    this.clock = null;
    this.storeId = randomStoreId(this.#random);
    this.incarnation = 0;
    this.#fresh = true;
    this.#cached = [];
    this.#damage = null;
    this.#torn = false;
    this.#onlyCached.clear();
  }

  /** Copies the content for {@link Disk.restore}. The process must be down. */
  backup(): DiskBackup {
    return { storeId: this.storeId, incarnation: this.incarnation, content: this.#durable.copy() };
  }

  /** Restores an old copy of the disk, as an operator may do by mistake. The process must be down. */
  restore(backup: DiskBackup): void {
    this.storeId = backup.storeId;
    this.incarnation = backup.incarnation;
    this.#durable = backup.content.copy();
    this.#fresh = false;
    this.#cached = [];
  }

  /**
   * Flips one stored bit. The next start detects the damage.
   *
   * @returns the damaged record, or null when no bit was flipped
   */
  flipBit(): string | null {
    if (this.damagedPart !== null) return null;
    this.#damage = flipBit(this.#durable, this.#confirmedBelow, this.#random);
    return this.damagedPart;
  }

  /** The record that is damaged, or null. */
  get damagedPart(): string | null {
    return this.#damage?.isPresent(this.#durable) === true ? this.#damage.description : null;
  }

  /** Returns whether this entry, or a snapshot that covers it, would survive a loss of power now. */
  holds(index: LogIndex, term: number): boolean {
    if (index < this.#durable.firstIndex) return true;
    if (this.#onlyCached.has(index)) return false;
    return this.#durable.entry(index)?.term === term;
  }

  /**
   * Returns the entry as the running process reads it, including pending writes. Returns undefined below a
   * snapshot and after a refused write.
   */
  entryOrPending(index: LogIndex): LogEntry | undefined {
    for (const group of [this.#queued, this.#syncing]) {
      for (let place = group.length - 1; place >= 0; place -= 1) {
        const { entries, truncateFrom, snapshot } = (group[place] as Pending).change;
        const first = entries?.[0]?.index ?? Infinity;
        const found = index >= first ? entries?.[index - first] : undefined;
        if (found !== undefined) return found;
        if (truncateFrom !== undefined && truncateFrom <= index) return undefined;
        if (snapshot !== undefined && snapshot.index >= index) return undefined;
      }
    }
    return this.#hasRefused ? undefined : this.#durable.entry(index);
  }

  get snapshot(): Snapshot | null {
    return this.#durable.snapshot;
  }

  get outbox(): Iterable<OutboxItem> {
    return this.#durable.outbox.values();
  }

  get outboxItems(): number {
    return this.#durable.outbox.size;
  }

  #startSync(): void {
    if (this.#queued.length === 0) return;
    this.#syncing = this.#queued;
    this.#queued = [];
    const generation = this.#generation;
    this.#timeline.after(this.#random.between(this.syncMs[0], this.syncMs[1]), () => {
      if (generation === this.#generation) this.#finishSync();
    });
  }

  #finishSync(): void {
    if (this.failing) return this.#failSync();
    const tokens = this.#syncing.map((pending) => pending.token);
    if (this.full) {
      // A write after a refused one would leave a gap, so all queued writes are refused too.
      tokens.push(...this.#queued.map((pending) => pending.token));
      for (const { change } of [...this.#syncing, ...this.#queued]) discardSnapshot(change.snapshot);
      this.#hasRefused = true;
      this.#queued = [];
      this.#syncing = [];
      this.#handlers?.refused(tokens);
      return;
    }
    const firsts = this.#syncing.map(({ change }) => change.entries?.[0]?.index ?? Infinity);
    this.#confirmedBelow = Math.min(...firsts);
    const { changes, error } = readable(this.#syncing.map(({ change }) => change));
    for (const change of changes) this.#apply(change);
    this.#syncing = [];
    if (error !== null) {
      this.#queued = [];
      return this.#handlers?.pageFailed(error);
    }
    this.#handlers?.synced(tokens);
    this.#startSync();
  }

  /**
   * Fails the current sync: one part of its changes is stored, another part is only in the page cache, and
   * the rest is lost. The next sync would succeed, as on a real disk.
   */
  #failSync(): void {
    const { changes } = readable(this.#syncing.map(({ change }) => change));
    const stored = this.#random.below(changes.length + 1);
    const seen = stored + this.#random.below(changes.length - stored + 1);
    for (const change of changes.slice(0, stored)) this.#apply(change);
    this.#cached = changes.slice(stored, seen);
    const handlers = this.#handlers;
    this.#resetProcess();
    handlers?.failed();
  }

  #apply(change: StoreWrite): void {
    this.#fresh = false;
    this.#durable.apply(change);
    for (const { index } of change.entries ?? []) this.#onlyCached.delete(index);
  }

  #resetProcess(): void {
    this.#queued = [];
    this.#syncing = [];
    this.#generation += 1;
    this.#handlers = null;
    this.#hasRefused = false;
  }
}

/**
 * Reads the snapshots of the changes as a whole. A snapshot whose message pages cannot be read is not stored, and neither is any
 * change after it. `libs/store` may have stored later log writes by then.
 *
 * @returns the changes before that snapshot
 */
function readable(changes: readonly StoreWrite[]): {
  readonly changes: readonly StoreWrite[];
  readonly error: MessagePageError | null;
} {
  const read: StoreWrite[] = [];
  for (const change of changes) {
    try {
      const { snapshot } = change;
      read.push(
        snapshot === undefined
          ? change
          : { ...change, snapshot: { ...snapshot, data: wholeBytes(snapshot.data) } },
      );
    } catch (error) {
      if (!(error instanceof MessagePageError)) throw error;
      return { changes: read, error };
    }
  }
  return { changes: read, error: null };
}

function randomStoreId(random: Random): string {
  let id = '';
  while (id.length < 32) id += random.below(16).toString(16);
  return id;
}
