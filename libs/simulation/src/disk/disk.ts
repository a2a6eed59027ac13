import { StoreCorruptError, StoreFailedError } from '@mqtt-cluster/contracts';
import type {
  LogEntry,
  LogIndex,
  OutboxItem,
  Recovered,
  Snapshot,
  StoreWrite,
} from '@mqtt-cluster/contracts';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';
import { Content } from './disk-content.ts';
import { flipBit } from './bit-flip.ts';
import type { Damage } from './bit-flip.ts';

interface Pending {
  readonly token: number;
  readonly change: StoreWrite;
}

export interface DiskHandlers {
  /** Called with the tokens of one sync, in order. */
  synced(tokens: readonly number[]): void;
  refused(tokens: readonly number[]): void;
  /** A sync has failed: what the disk holds is unknown, and the process must end. */
  failed(): void;
}

export interface DiskBackup {
  readonly storeId: string;
  readonly incarnation: number;
  readonly content: Content;
}

/**
 * One member's disk and store, with the manners of libs/store. Writes that come while a sync is under way are grouped into the
 * next one. A crash loses what is not synced, save for a prefix that may have reached the platter; a change is there as a whole or
 * not at all, as its record has a checksum. Damage in the middle makes the store refuse to open.
 */
export class Disk {
  storeId: string;
  incarnation = 0;
  /** Milliseconds of one sync: uniform in [min, max). */
  syncMs: readonly [number, number] = [0.5, 4];
  full = false;
  /** Every sync fails (EIO), and so does opening. */
  failing = false;
  /** A start writes the last group once more and syncs it before it counts on it. False: to see what comes of it otherwise. */
  writesLastGroupAnew = true;
  readonly #timeline: Timeline;
  readonly #random: Random;
  #durable = new Content();
  #virgin = true;
  #queued: Pending[] = [];
  #syncing: Pending[] = [];
  /**
   * What a failed sync left in the operating system's memory: read back as if it were stored, and gone with the power
   * (Rebello et al., "Can Applications Recover from fsync Failures?").
   */
  #cached: StoreWrite[] = [];
  /** Entries that a start has read back from there and not written anew. */
  readonly #onlySeen = new Set<LogIndex>();
  #damage: Damage | null = null;
  /** Everything before it is followed by a later sync, which proves that it had been stored whole. */
  #vouchedBelow: LogIndex = Infinity;
  /** A crash cut the last write short. */
  #torn = false;
  /** Rises with every crash, so that a sync of before never completes after. */
  #generation = 0;
  #handlers: DiskHandlers | null = null;
  /** A write was refused since the process started: what it takes for its log need not be what the disk holds. */
  #hasRefused = false;

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
    this.storeId = randomStoreId(random);
  }

  /**
   * As {@link Recovered} demands: counted up and synced.
   * @throws StoreCorruptError a checksum is wrong where no crash can have caused it
   * @throws StoreFailedError the disk takes no writes
   */
  open(handlers: DiskHandlers): Recovered {
    if (this.failing) throw new StoreFailedError('cannot open the store (EIO)');
    if (this.damaged !== null) throw new StoreCorruptError(`the checksum of ${this.damaged} is wrong`);
    for (const change of this.#cached) {
      this.#carryOut(change);
      if (this.writesLastGroupAnew) continue;
      for (const { index } of change.entries ?? []) this.#onlySeen.add(index);
    }
    const repairs = this.#torn ? ['cut off an unfinished write'] : [];
    if (this.#cached.length > 0) repairs.push('wrote anew what a failed sync had left in memory');
    this.#cached = [];
    this.#torn = false;
    this.#handlers = handlers;
    this.incarnation += 1;
    this.#vouchedBelow = Infinity;
    const content = this.#durable;
    return {
      storeId: this.storeId,
      incarnation: this.incarnation,
      fresh: this.#virgin,
      hardState: content.hardState,
      snapshot: content.snapshot,
      entries: [...content.entries],
      outbox: content.outboxInOrder(),
      repairs,
    };
  }

  write(token: number, change: StoreWrite): void {
    this.#queued.push({ token, change });
    if (this.#syncing.length === 0) this.#startSync();
  }

  /** The process died (the operating system finishes what it was given) or the power went (it does not). */
  crash(powerLoss: boolean): void {
    const handed = [...this.#syncing, ...(powerLoss ? [] : this.#queued)];
    const survivors = this.full || this.failing ? 0 : this.#random.below(handed.length + 1);
    for (const { change } of handed.slice(0, survivors)) this.#carryOut(change);
    if (survivors < handed.length) this.#torn = this.#random.chance(0.5);
    this.#forgetProcess();
  }

  /** Nobody runs, and the operating system forgets, too. */
  powerLost(): void {
    if (this.#cached.length > 0) this.#torn = true;
    this.#cached = [];
    // A hole with later groups behind it.
    const [hole] = this.#onlySeen;
    if (hole !== undefined)
      this.#damage = { what: `entry ${hole}`, stillThere: (content) => content.firstIndex <= hole };
    this.#onlySeen.clear();
  }

  /** Another, empty disk. Only while the process is down. */
  wipe(): void {
    this.#durable = new Content();
    this.storeId = randomStoreId(this.#random);
    this.incarnation = 0;
    this.#virgin = true;
    this.#cached = [];
    this.#damage = null;
    this.#torn = false;
    this.#onlySeen.clear();
  }

  /** What it holds now, for {@link Disk.restore}. Only while the process is down. */
  backup(): DiskBackup {
    return { storeId: this.storeId, incarnation: this.incarnation, content: this.#durable.copy() };
  }

  /** An operator's mistake: the disk of some time ago. Only while the process is down. */
  restore(backup: DiskBackup): void {
    this.storeId = backup.storeId;
    this.incarnation = backup.incarnation;
    this.#durable = backup.content.copy();
    this.#virgin = false;
    this.#cached = [];
  }

  /** Flips one stored bit; nobody notices before the store is opened again. @returns what was hit, or null */
  flipBit(): string | null {
    if (this.damaged !== null) return null;
    this.#damage = flipBit(this.#durable, this.#vouchedBelow, this.#random);
    return this.damaged;
  }

  /** What of it is damaged, or null. */
  get damaged(): string | null {
    return this.#damage?.stillThere(this.#durable) === true ? this.#damage.what : null;
  }

  /** Whether this entry (or a snapshot that covers it) would survive a loss of power now. */
  holds(index: LogIndex, term: number): boolean {
    if (index < this.#durable.firstIndex) return true;
    if (this.#onlySeen.has(index)) return false;
    return this.#durable.entry(index)?.term === term;
  }

  /** The entry as the running process sees it: what is on its way to the disk counts. Unknown behind a snapshot, or a refusal. */
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
      // What was handed over behind a refused write would leave a hole, so it is refused with it.
      tokens.push(...this.#queued.map((pending) => pending.token));
      this.#hasRefused = true;
      this.#queued = [];
      this.#syncing = [];
      this.#handlers?.refused(tokens);
      return;
    }
    const firsts = this.#syncing.map(({ change }) => change.entries?.[0]?.index ?? Infinity);
    this.#vouchedBelow = Math.min(...firsts);
    for (const { change } of this.#syncing) this.#carryOut(change);
    this.#syncing = [];
    this.#handlers?.synced(tokens);
    this.#startSync();
  }

  /** Some of the group is on the platter, some only looks as if it were; the next sync would say that all is well. */
  #failSync(): void {
    const changes = this.#syncing.map(({ change }) => change);
    const stored = this.#random.below(changes.length + 1);
    const seen = stored + this.#random.below(changes.length - stored + 1);
    for (const change of changes.slice(0, stored)) this.#carryOut(change);
    this.#cached = changes.slice(stored, seen);
    const handlers = this.#handlers;
    this.#forgetProcess();
    handlers?.failed();
  }

  #carryOut(change: StoreWrite): void {
    this.#virgin = false;
    this.#durable.carryOut(change);
    for (const { index } of change.entries ?? []) this.#onlySeen.delete(index);
  }

  #forgetProcess(): void {
    this.#queued = [];
    this.#syncing = [];
    this.#generation += 1;
    this.#handlers = null;
    this.#hasRefused = false;
  }
}

function randomStoreId(random: Random): string {
  let id = '';
  while (id.length < 32) id += random.below(16).toString(16);
  return id;
}
