import type {
  HardState,
  LogEntry,
  LogIndex,
  OutboxItem,
  Recovered,
  Snapshot,
  StoreWrite,
} from '@mqtt-cluster/contracts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

interface Pending {
  readonly token: number;
  readonly change: StoreWrite;
}

export interface DiskHandlers {
  /** Called with the tokens of one sync, in order. */
  synced(tokens: readonly number[]): void;
  refused(tokens: readonly number[]): void;
}

/** What a disk holds; also used for what it will hold when all pending writes are synced. */
class Content {
  hardState: HardState = { term: 0, votedFor: null };
  snapshot: Snapshot | null = null;
  entries: LogEntry[] = [];
  readonly outbox = new Map<string, OutboxItem>();

  get firstIndex(): LogIndex {
    return (this.snapshot?.index ?? 0) + 1;
  }

  entry(index: LogIndex): LogEntry | undefined {
    return this.entries[index - this.firstIndex];
  }

  /** In the order of the fields; `entriesMax` cuts the change short there, as a torn write does. */
  carryOut(change: StoreWrite, entriesMax = Infinity): void {
    if (change.hardState !== undefined) this.hardState = change.hardState;
    if (change.snapshot !== undefined) this.#replace(change.snapshot, change.dropLog === true);
    if (change.truncateFrom !== undefined) {
      this.entries.length = Math.max(0, Math.min(this.entries.length, change.truncateFrom - this.firstIndex));
    }
    const entries = change.entries ?? [];
    for (const [place, entry] of entries.entries()) {
      if (place >= entriesMax) return;
      const expected = this.firstIndex + this.entries.length;
      if (entry.index !== expected) {
        throw new Error(`the store was given entry ${entry.index} where ${expected} had to follow`);
      }
      this.entries.push(entry);
    }
    if (entries.length > entriesMax) return;
    for (const item of change.outboxPut ?? []) this.outbox.set(outboxKey(item), item);
    for (const item of change.outboxDelete ?? []) this.outbox.delete(outboxKey(item));
  }

  copy(): Content {
    const copy = new Content();
    copy.hardState = this.hardState;
    copy.snapshot = this.snapshot;
    copy.entries = [...this.entries];
    for (const [key, item] of this.outbox) copy.outbox.set(key, item);
    return copy;
  }

  #replace(snapshot: Snapshot, dropLog: boolean): void {
    const kept = dropLog ? [] : this.entries.filter((entry) => entry.index > snapshot.index);
    this.snapshot = snapshot;
    this.entries = kept;
  }
}

export interface DiskBackup {
  readonly storeId: string;
  readonly incarnation: number;
  readonly content: Content;
}

/**
 * One member's disk. Writes that come while a sync is under way are grouped into the next one. A crash loses what
 * is not synced, save for a prefix that may have reached the platter.
 */
export class Disk {
  storeId: string;
  incarnation = 0;
  /** Milliseconds of one sync: uniform in [min, max). */
  syncMs: readonly [number, number] = [0.5, 4];
  full = false;
  readonly #timeline: Timeline;
  readonly #random: Random;
  #durable = new Content();
  #virgin = true;
  #queued: Pending[] = [];
  #syncing: Pending[] = [];
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

  /** As {@link Recovered} demands: counted up and synced. */
  open(handlers: DiskHandlers): Recovered {
    this.#handlers = handlers;
    this.incarnation += 1;
    const content = this.#durable;
    return {
      storeId: this.storeId,
      incarnation: this.incarnation,
      fresh: this.#virgin,
      hardState: content.hardState,
      snapshot: content.snapshot,
      entries: [...content.entries],
      outbox: [...content.outbox.values()].sort(
        (one, other) => one.incarnation - other.incarnation || one.sequence - other.sequence,
      ),
      repairs: [],
    };
  }

  write(token: number, change: StoreWrite): void {
    this.#queued.push({ token, change });
    if (this.#syncing.length === 0) this.#startSync();
  }

  /** The process died (the operating system finishes what it was given) or the power went (it does not). */
  crash(powerLoss: boolean): void {
    const handed = [...this.#syncing, ...(powerLoss ? [] : this.#queued)];
    const survivors = this.#random.below(handed.length + 1);
    for (const [place, pending] of handed.entries()) {
      if (this.full || place > survivors) break;
      this.#virgin = false;
      if (place < survivors) this.#durable.carryOut(pending.change);
      else
        this.#durable.carryOut(pending.change, this.#random.below((pending.change.entries?.length ?? 0) + 1));
    }
    this.#queued = [];
    this.#syncing = [];
    this.#generation += 1;
    this.#handlers = null;
    this.#hasRefused = false;
  }

  /** Another, empty disk. Only while the process is down. */
  wipe(): void {
    this.#durable = new Content();
    this.storeId = randomStoreId(this.#random);
    this.incarnation = 0;
    this.#virgin = true;
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
  }

  /** Whether this entry (or a snapshot that covers it) would survive a loss of power now. */
  holds(index: LogIndex, term: number): boolean {
    if (index < this.#durable.firstIndex) return true;
    return this.#durable.entry(index)?.term === term;
  }

  /** The entry as the running process sees it: what is on its way to the disk counts. Unknown behind a snapshot, or a refusal. */
  entryOrPending(index: LogIndex): LogEntry | undefined {
    for (const group of [this.#queued, this.#syncing]) {
      for (let place = group.length - 1; place >= 0; place -= 1) {
        const { entries, truncateFrom, snapshot } = (group[place] as Pending).change;
        const found = entries?.find((entry) => entry.index === index);
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
    this.#virgin = false;
    for (const { change } of this.#syncing) this.#durable.carryOut(change);
    this.#syncing = [];
    this.#handlers?.synced(tokens);
    this.#startSync();
  }
}

function outboxKey(item: Pick<OutboxItem, 'incarnation' | 'sequence'>): string {
  return `${item.incarnation}:${item.sequence}`;
}

function randomStoreId(random: Random): string {
  let id = '';
  while (id.length < 32) id += random.below(16).toString(16);
  return id;
}
