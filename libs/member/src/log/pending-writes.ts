import type { MemberOutput, OutboxItem, SnapshotWrite, StoreWrite } from '@mqtt-cluster/contracts';
import type { RaftWrite } from '@mqtt-cluster/consensus';
import { bootstrapTerm } from '../cluster/bootstrap.ts';
import type { MemberContext } from '../context.ts';

type OutboxKey = Pick<OutboxItem, 'incarnation' | 'sequence'>;

/** Deletions from the outbox wait up to this long for another write, so that one sync covers both. */
const outboxDeleteDelayMs = 1_000;
const fullDiskRetryMs = 500;

/** The content of a write that the store has completed or rejected. */
export interface CompletedWrite {
  readonly raftToken: number | null;
  readonly outboxSequences: readonly number[];
  readonly snapshot: SnapshotWrite | null;
  readonly bootstrap: boolean;
}

/**
 * Collects the changes of one turn into one atomic write, and keeps the content of each write until it
 * completes.
 */
export class PendingWrites {
  readonly #context: MemberContext;
  readonly #unfinished = new Map<
    number,
    CompletedWrite & { readonly outboxDelete: readonly OutboxKey[]; startedMs: number }
  >();
  #nextToken = 1;
  #raft: RaftWrite | null = null;
  #snapshot: SnapshotWrite | null = null;
  #bootstrap = false;
  #outboxPut: OutboxItem[] = [];
  #outboxDelete: OutboxKey[] = [];
  #deleteSinceMs = 0;
  /**
   * True when the store rejected the last write because the disk was full. A rejected snapshot of this member's own state does
   * not count: it needs more room than all other writes, and the log is complete without it.
   */
  full = false;
  #refusedAtMs = -Infinity;

  constructor(context: MemberContext) {
    this.#context = context;
  }

  /**
   * True when this member may try a write. False for a short time after the store rejected a write because
   * the disk was full.
   */
  get mayTry(): boolean {
    return !this.full || this.#context.nowMs - this.#refusedAtMs >= fullDiskRetryMs;
  }

  /**
   * Time since the oldest unfinished write began, ms. 0 when no write is unfinished. Snapshots of this member's own
   * state do not count: they take long, and no other write waits for them.
   */
  get slowestMs(): number {
    for (const write of this.#unfinished.values())
      if (!isOwnSnapshot(write)) return this.#context.nowMs - write.startedMs;
    return 0;
  }

  get busy(): boolean {
    return this.#unfinished.size > 0;
  }

  get snapshotPending(): boolean {
    for (const write of this.#unfinished.values()) if (write.snapshot !== null) return true;
    return false;
  }

  raft(write: RaftWrite): void {
    this.#raft = write;
  }

  snapshot(snapshot: SnapshotWrite, bootstrap: boolean): void {
    this.#snapshot = snapshot;
    this.#bootstrap = bootstrap;
  }

  putOutbox(items: readonly OutboxItem[]): void {
    for (const item of items) this.#outboxPut.push(item);
  }

  deleteOutbox(key: OutboxKey): void {
    if (this.#outboxDelete.length === 0) this.#deleteSinceMs = this.#context.nowMs;
    this.#outboxDelete.push({ incarnation: key.incarnation, sequence: key.sequence });
  }

  take(): MemberOutput['write'] {
    if (this.#snapshot !== null && !this.#bootstrap) return this.#takeSnapshot(this.#snapshot);
    const raft = this.#raft;
    const snapshot = this.#snapshot;
    const deletesDue =
      this.#outboxDelete.length > 0 &&
      this.mayTry &&
      this.#context.nowMs - this.#deleteSinceMs >= outboxDeleteDelayMs;
    if (raft === null && snapshot === null && this.#outboxPut.length === 0 && !deletesDue) return null;
    const token = this.#nextToken++;
    const bootstrap = this.#bootstrap;
    const outboxPut = this.#outboxPut;
    const outboxDelete = this.#outboxDelete;
    const outboxSequences = outboxPut.map((item) => item.sequence);
    this.#unfinished.set(token, {
      raftToken: raft?.token ?? null,
      outboxSequences,
      snapshot,
      bootstrap,
      outboxDelete,
      startedMs: this.#context.nowMs,
    });
    this.#raft = null;
    this.#snapshot = null;
    this.#bootstrap = false;
    this.#outboxPut = [];
    this.#outboxDelete = [];
    return {
      token,
      change: { ...fromRaft(raft), ...fromSnapshot(snapshot, bootstrap), ...parts(outboxPut, outboxDelete) },
    };
  }

  /** A snapshot of this member's own state is a write of its own, because the store completes it later than others. */
  #takeSnapshot(snapshot: SnapshotWrite): MemberOutput['write'] {
    this.#snapshot = null;
    const token = this.#nextToken++;
    const nothing = { raftToken: null, outboxSequences: [], outboxDelete: [], bootstrap: false };
    this.#unfinished.set(token, { ...nothing, snapshot, startedMs: this.#context.nowMs });
    return { token, change: { snapshot } };
  }

  /** Returns the completed write. Writes complete in order, except snapshots of this member's own state. */
  written(token: number): CompletedWrite | null {
    this.full = false;
    const write = this.#unfinished.get(token) ?? null;
    this.#unfinished.delete(token);
    return write;
  }

  refused(token: number): CompletedWrite | null {
    const write = this.#unfinished.get(token) ?? null;
    this.#unfinished.delete(token);
    if (write !== null && isOwnSnapshot(write)) return write;
    this.full = true;
    this.#refusedAtMs = this.#context.nowMs;
    if (write !== null) this.#outboxDelete.push(...write.outboxDelete);
    return write;
  }
}

/** Returns whether a write is a snapshot of this member's own state. A snapshot of a peer is part of a write of Raft. */
function isOwnSnapshot({ snapshot, bootstrap }: Pick<CompletedWrite, 'snapshot' | 'bootstrap'>): boolean {
  return snapshot !== null && !bootstrap;
}

function fromRaft(write: RaftWrite | null): StoreWrite {
  if (write === null) return {};
  const { hardState, truncateFrom, entries, snapshot } = write;
  return {
    ...(hardState === undefined ? {} : { hardState }),
    ...(snapshot === undefined ? {} : { snapshot, dropLog: true }),
    ...(truncateFrom === undefined ? {} : { truncateFrom }),
    ...(entries === undefined ? {} : { entries }),
  };
}

function fromSnapshot(snapshot: SnapshotWrite | null, bootstrap: boolean): StoreWrite {
  if (snapshot === null) return {};
  return bootstrap
    ? { hardState: { term: bootstrapTerm, votedFor: null }, snapshot, dropLog: true }
    : { snapshot };
}

function parts(outboxPut: readonly OutboxItem[], outboxDelete: readonly OutboxKey[]): StoreWrite {
  return {
    ...(outboxPut.length === 0 ? {} : { outboxPut }),
    ...(outboxDelete.length === 0 ? {} : { outboxDelete }),
  };
}
