import { randomBytes } from 'node:crypto';
import type { MemberId, Recovered, Snapshot, Store, StoreUsage, StoreWrite } from '@mqtt-cluster/contracts';
import { StoreFailedError, StoreFullError, StoreLockedError, StoreOwnerError } from '@mqtt-cluster/contracts';
import { StoredState } from '../stored-state.ts';
import type { QueuedWrite } from '../group-commit-queue.ts';
import { WriteQueue } from '../group-commit-queue.ts';

/** What is on a memory store's disk: survives closes and crashes, and may be opened by another store. */
export interface MemoryDisk {
  readonly storeId: string;
  readonly state: StoredState<Snapshot>;
  member: MemberId | null;
  incarnation: number;
  openedBy: object | null;
}

/** A store for tests, whose disk does what it is told. */
export interface MemoryStore extends Store {
  /** From now on writes wait before their sync. */
  holdSyncs(): void;
  releaseSyncs(): void;
  /** The next sync fails, and the store refuses everything from then on. */
  failNextSync(): void;
  setFull(full: boolean): void;
  /**
   * The process dies: what was not synced is lost, and its promises stay pending for ever. `open` starts
   * again.
   */
  crash(): void;
}

export function createMemoryDisk(): MemoryDisk {
  const storeId = randomBytes(16).toString('hex');
  return { storeId, state: new StoredState<Snapshot>(), member: null, incarnation: 0, openedBy: null };
}

class Gate {
  #opened: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  hold(): void {
    this.#open();
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#open();
  }

  passed(): Promise<void> {
    return this.#opened;
  }
}

class MemoryStoreOnDisk implements MemoryStore {
  readonly #disk: MemoryDisk;
  readonly #gate = new Gate();
  #queue = this.#newQueue();
  #failure: StoreFailedError | null = null;
  #failNext = false;
  #full = false;
  #syncs = 0;
  /** Changes with each crash: what was under way before must not have an effect after it. */
  #life = {};

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  async open(member: MemberId): Promise<Recovered> {
    const disk = this.#disk;
    if (disk.openedBy !== null) throw new StoreLockedError('this memory store is open already');
    if (disk.member !== null && disk.member !== member) {
      throw new StoreOwnerError(`this memory store belongs to "${disk.member}", not to "${member}"`);
    }
    disk.openedBy = this;
    disk.member = member;
    disk.incarnation++;
    this.#failure = null;
    const { hardState, snapshot } = disk.state;
    const entries = disk.state.entries();
    const fresh = hardState.term === 0 && snapshot === null && entries.length === 0;
    const { storeId, incarnation } = disk;
    return {
      storeId,
      incarnation,
      fresh,
      hardState,
      snapshot,
      entries,
      outbox: disk.state.outbox(),
      repairs: [],
    };
  }

  write(change: StoreWrite): Promise<void> {
    if (this.#disk.openedBy !== this) return Promise.reject(new StoreFailedError('the store is not open'));
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return this.#queue.push(change);
  }

  usage(): StoreUsage {
    let logBytes = 0;
    for (const entry of this.#disk.state.entries()) logBytes += entry.data.length;
    let outboxBytes = 0;
    for (const item of this.#disk.state.outbox()) outboxBytes += item.data.length;
    const snapshotBytes = this.#disk.state.snapshot?.data.length ?? 0;
    return { logBytes, outboxBytes, snapshotBytes, syncs: this.#syncs, lastSyncSeconds: 0 };
  }

  async close(): Promise<void> {
    if (this.#disk.openedBy !== this) return;
    await this.#queue.drain();
    if (this.#disk.openedBy === this) this.#disk.openedBy = null;
  }

  holdSyncs(): void {
    this.#gate.hold();
  }

  releaseSyncs(): void {
    this.#gate.release();
  }

  failNextSync(): void {
    this.#failNext = true;
  }

  setFull(full: boolean): void {
    this.#full = full;
  }

  crash(): void {
    this.#life = {};
    this.#queue = this.#newQueue();
    this.#gate.release();
    this.#failNext = false;
    if (this.#disk.openedBy === this) this.#disk.openedBy = null;
  }

  #newQueue(): WriteQueue {
    const queue: WriteQueue = new WriteQueue((group) => this.#carryOut(group, queue));
    return queue;
  }

  async #carryOut(group: readonly QueuedWrite[], queue: WriteQueue): Promise<void> {
    const life = this.#life;
    if (this.#failure !== null) throw this.#failure;
    await this.#gate.passed();
    // A dead process neither stores nor answers.
    if (life !== this.#life) return new Promise<void>(() => undefined);
    if (this.#failNext) {
      this.#failNext = false;
      this.#failure = new StoreFailedError('a sync failed, as it was told to');
      throw this.#failure;
    }
    if (this.#full) throw new StoreFullError('the disk is full, as it was told to be');
    for (const write of queue.accept(group, this.#disk.state.lastIndex)) {
      this.#disk.state.apply(write.change);
      write.resolve();
    }
    this.#syncs++;
  }
}

export function createMemoryStore(disk: MemoryDisk = createMemoryDisk()): MemoryStore {
  return new MemoryStoreOnDisk(disk);
}
