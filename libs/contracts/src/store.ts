import type { Incarnation, LogIndex, MemberId, StoreId } from './ids.ts';
import type { HardState, LogEntry, Snapshot, SnapshotWrite } from './log.ts';

/**
 * One batch of publishes with degraded acknowledgements. The store keeps it until the cluster has applied the
 * batch.
 */
export interface OutboxItem {
  readonly incarnation: Incarnation;
  /** The batch's number within its incarnation. */
  readonly sequence: number;
  /** The encoded publishes. The store does not decode them. */
  readonly data: Uint8Array;
}

/**
 * Cluster time and wall clock of one member at the same moment, both in ms. After a stop of the process the
 * pair and the wall clock give an estimate of the cluster time (docs/DESIGN.md, "Cluster time").
 */
export interface ClockRecord {
  readonly clusterTimeMs: number;
  readonly wallMs: number;
}

/** Returns the cluster time at `wallMs`. A wall clock that went back counts as one that stood still. */
export function clusterTimeAt(record: ClockRecord, wallMs: number): number {
  return record.clusterTimeMs + Math.max(0, wallMs - record.wallMs);
}

/** One atomic change of a store. The store carries out its parts in the order of the fields. */
export interface StoreWrite {
  readonly hardState?: HardState;
  /** Replaces the former snapshot and the log entries up to and including `snapshot.index`. */
  readonly snapshot?: SnapshotWrite;
  /** True when `snapshot` came from a peer: the store removes the whole log. */
  readonly dropLog?: boolean;
  /** Removes all entries from this index on before it appends `entries`. */
  readonly truncateFrom?: LogIndex;
  /**
   * Consecutive entries. The first one follows the last entry in the store, or `truncateFrom` is its index. The store
   * leaves out entries up to the index of its snapshot.
   */
  readonly entries?: readonly LogEntry[];
  readonly outboxPut?: readonly OutboxItem[];
  readonly outboxDelete?: readonly Pick<OutboxItem, 'incarnation' | 'sequence'>[];
}

/** The content of a store when it opens. */
export interface RecoveredState {
  readonly storeId: StoreId;
  /** Incarnation of this start: already incremented and synced to the disk. */
  readonly incarnation: Incarnation;
  /** True when the disk was empty, so this store has never voted. */
  readonly fresh: boolean;
  readonly hardState: HardState;
  readonly snapshot: Snapshot | null;
  /** Consecutive entries from `snapshot.index + 1` (or 1). The store has removed a torn tail. */
  readonly entries: readonly LogEntry[];
  /** All outbox items, ordered by incarnation and then by sequence. */
  readonly outbox: readonly OutboxItem[];
  /**
   * Sentences for the log file: the repairs made while the store opened. Empty when the store needed no
   * repair.
   */
  readonly repairs: readonly string[];
  /**
   * Cluster time, ms, when the store opened, estimated from the clock record and the wall clock. Absent when
   * the store has no valid clock record.
   */
  readonly clusterTimeMs?: number;
}

export interface StoreUsage {
  readonly logBytes: number;
  readonly outboxBytes: number;
  /** Size of the current snapshot. */
  readonly snapshotBytes: number;
  readonly syncs: number;
  /** Duration of the last sync, seconds. */
  readonly lastSyncSeconds: number;
}

/**
 * Durable storage of one member.
 *
 * `write` resolves only when the change is on the disk (fdatasync). The store groups writes made during a
 * sync into the next sync. Writes take effect and resolve in the order of the calls. The exception is a write with a
 * `snapshot` and without `dropLog`: it contains nothing else, and writes that are called later may take effect before
 * it. It has no effect if the store has got a newer snapshot meanwhile. The store takes the pieces of a snapshot without
 * `dropLog` while it writes them. It discards the pieces when it has stored or rejected the write.
 *
 * After a failed write the store rejects all further writes with {@link StoreFailedError}, because the content of the disk
 * is unknown.
 *
 * A full disk is the exception: the store rejects the whole write with {@link StoreFullError}, and later
 * writes may succeed.
 */
export interface Store {
  /**
   * Opens or creates the store.
   * @throws StoreOwnerError the directory belongs to another member
   * @throws StoreFormatError the format is newer than this program supports
   * @throws StoreLockedError another process has the store open
   * @throws StoreCorruptError a checksum is wrong in a place where a crash cannot have caused it
   */
  open(member: MemberId): Promise<RecoveredState>;
  write(change: StoreWrite): Promise<void>;
  /**
   * Replaces the clock record, without a sync. The record is advisory: a failed write is logged and has no
   * other effect, and after a loss of power the store may have an older record or none.
   */
  saveClock(record: ClockRecord): Promise<void>;
  usage(): StoreUsage;
  /** Finishes pending writes and unlocks the directory. */
  close(): Promise<void>;
}
