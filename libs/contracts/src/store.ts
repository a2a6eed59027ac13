import type { Incarnation, LogIndex, MemberId, StoreId } from './ids.ts';
import type { HardState, LogEntry, Snapshot } from './log.ts';

/** A degraded ack's message, kept until the cluster has it: one batch of publishes of an incarnation. */
export interface OutboxItem {
  readonly incarnation: Incarnation;
  /** The batch's number within its incarnation. */
  readonly sequence: number;
  /** The encoded publishes (owned by libs/member; opaque here). */
  readonly data: Uint8Array;
}

/** One atomic change. Parts are carried out in the order of the fields. */
export interface StoreWrite {
  readonly hardState?: HardState;
  /** Replaces snapshot and log: everything up to and including `snapshot.index` is dropped. */
  readonly snapshot?: Snapshot;
  /** When `snapshot` came from a peer the whole log goes, not only the part before it. */
  readonly dropLog?: boolean;
  /** Removes all entries from this index on, before `entries` are appended. */
  readonly truncateFrom?: LogIndex;
  /** Consecutive entries; the first follows the last kept one. */
  readonly entries?: readonly LogEntry[];
  readonly outboxPut?: readonly OutboxItem[];
  readonly outboxDelete?: readonly Pick<OutboxItem, 'incarnation' | 'sequence'>[];
}

/** What a store hands over when it opens. */
export interface Recovered {
  readonly storeId: StoreId;
  /** Already counted up and synced for this start. */
  readonly incarnation: Incarnation;
  /** True when the disk was empty: this member has never voted. */
  readonly fresh: boolean;
  readonly hardState: HardState;
  readonly snapshot: Snapshot | null;
  /** Consecutive, from `snapshot.index + 1` (or 1). A torn tail has been cut off. */
  readonly entries: readonly LogEntry[];
  /** By incarnation, then sequence. */
  readonly outbox: readonly OutboxItem[];
  /** What was repaired while opening, for the log; empty when all was well. */
  readonly repairs: readonly string[];
}

export interface StoreUsage {
  readonly logBytes: number;
  readonly outboxBytes: number;
  /** Of the one that counts. */
  readonly snapshotBytes: number;
  readonly syncs: number;
  /** Seconds of the last sync, for the metric. */
  readonly lastSyncSeconds: number;
}

/**
 * Durable storage of one member.
 *
 * `write` resolves only when the change is on the disk (fdatasync). Calls made while a sync is under way are
 * grouped into the next one; they take effect and resolve in the order of the calls. After a failed write
 * the store refuses all further ones ({@link StoreFailedError}): what the disk holds is then unknown.
 *
 * A full disk is the exception: the write is rejected whole with {@link StoreFullError}, and later ones may succeed.
 */
export interface Store {
  /**
   * Opens or creates the store.
   * @throws StoreOwnerError the directory belongs to another member
   * @throws StoreFormatError its format is newer than this program knows
   * @throws StoreLockedError another process has it open
   * @throws StoreCorruptError a checksum is wrong where no crash can have caused it
   */
  open(member: MemberId): Promise<Recovered>;
  write(change: StoreWrite): Promise<void>;
  usage(): StoreUsage;
  /** Finishes what was written and lets go of the directory. */
  close(): Promise<void>;
}
