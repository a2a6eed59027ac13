import { randomBytes } from 'node:crypto';
import type {
  ClockRecord,
  MemberId,
  RecoveredState,
  Snapshot,
  Store,
  StoreUsage,
  StoreWrite,
} from '@mqtt-cluster/contracts';
import {
  clusterTimeAt,
  discardSnapshot,
  StoreFailedError,
  StoreFullError,
  StoreLockedError,
  StoreOwnerError,
  wholeBytes,
} from '@mqtt-cluster/contracts';
import { StoredState } from '../stored-state.ts';
import type { StateChange } from '../stored-state.ts';
import type { QueuedWrite } from '../group-commit-queue.ts';
import { GroupCommitQueue } from '../group-commit-queue.ts';

/**
 * The disk of a memory store. The disk keeps its content when the store closes or crashes, and another store
 * may open the disk.
 */
export interface MemoryDisk {
  readonly storeId: string;
  readonly state: StoredState<Snapshot>;
  member: MemberId | null;
  incarnation: number;
  openedBy: object | null;
  clock: ClockRecord | null;
}

/** A store for tests, whose disk blocks, fails or becomes full on demand. */
export interface MemoryStore extends Store {
  /** Blocks all syncs until `releaseSyncs`. */
  holdSyncs(): void;
  releaseSyncs(): void;
  /** Makes the next sync fail. After this failure the store refuses all writes. */
  failNextSync(): void;
  setFull(full: boolean): void;
  /**
   * Simulates the death of the process: unsynced writes are lost, and their promises never settle. `open`
   * starts the process again.
   */
  crash(): void;
}

export function createMemoryDisk(): MemoryDisk {
  const storeId = randomBytes(16).toString('hex');
  return {
    storeId,
    state: new StoredState<Snapshot>(),
    member: null,
    incarnation: 0,
    openedBy: null,
    clock: null,
  };
}

class SyncGate {
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

class MemoryDiskStore implements MemoryStore {
  readonly #disk: MemoryDisk;
  readonly #gate = new SyncGate();
  #queue = this.#newQueue();
  #failure: StoreFailedError | null = null;
  #failNext = false;
  #full = false;
  #syncs = 0;
  /**
   * Identifies the current process. Each crash replaces this object, so that writes that started before the
   * crash have no effect after it.
   */
  #process = {};

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  async open(member: MemberId): Promise<RecoveredState> {
    const disk = this.#disk;
    if (disk.openedBy !== null) throw new StoreLockedError('the memory store is already open');
    if (disk.member !== null && disk.member !== member) {
      throw new StoreOwnerError(`the memory store belongs to member "${disk.member}", not to "${member}"`);
    }
    disk.openedBy = this;
    disk.member = member;
    disk.incarnation++;
    this.#failure = null;
    const { hardState, snapshot } = disk.state;
    const entries = disk.state.entries();
    const fresh = hardState.term === 0 && snapshot === null && entries.length === 0;
    const { storeId, incarnation, clock } = disk;
    return {
      storeId,
      incarnation,
      fresh,
      hardState,
      snapshot,
      entries,
      outbox: disk.state.outbox(),
      repairs: [],
      ...(clock === null ? {} : { clusterTimeMs: clusterTimeAt(clock, Date.now()) }),
    };
  }

  write(change: StoreWrite): Promise<void> {
    const isOpen = this.#disk.openedBy === this;
    const failure = isOpen ? this.#failure : new StoreFailedError('the store is not open');
    const result = failure === null ? this.#queue.push(change) : Promise.reject(failure);
    return result.finally(() => discardSnapshot(change.snapshot));
  }

  async saveClock(record: ClockRecord): Promise<void> {
    if (this.#disk.openedBy === this) this.#disk.clock = record;
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
    this.#process = {};
    this.#queue = this.#newQueue();
    this.#gate.release();
    this.#failNext = false;
    if (this.#disk.openedBy === this) this.#disk.openedBy = null;
  }

  #newQueue(): GroupCommitQueue {
    const queue: GroupCommitQueue = new GroupCommitQueue((group) => this.#commitGroup(group, queue));
    return queue;
  }

  async #commitGroup(group: readonly QueuedWrite[], queue: GroupCommitQueue): Promise<void> {
    const process = this.#process;
    if (this.#failure !== null) throw this.#failure;
    await this.#gate.passed();
    // After a crash the old process stores nothing and settles no promise.
    if (process !== this.#process) return new Promise<void>(() => undefined);
    if (this.#failNext) {
      this.#failNext = false;
      this.#failure = new StoreFailedError('a sync failed, as the test requested');
      throw this.#failure;
    }
    if (this.#full) throw new StoreFullError('the disk is full, as the test requested');
    for (const write of queue.accept(group, this.#disk.state.lastIndex)) {
      this.#disk.state.apply(withWholeSnapshot(write.change));
      write.resolve();
    }
    this.#syncs++;
  }
}

export function createMemoryStore(disk: MemoryDisk = createMemoryDisk()): MemoryStore {
  return new MemoryDiskStore(disk);
}

function withWholeSnapshot({ snapshot, ...change }: StoreWrite): StateChange<Snapshot> {
  return snapshot === undefined
    ? change
    : { ...change, snapshot: { ...snapshot, data: wholeBytes(snapshot.data) } };
}
