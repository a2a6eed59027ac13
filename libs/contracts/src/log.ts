import { z } from 'zod';
import { clusterConfigSchema } from './cluster-config.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { LogIndex } from './ids.ts';
import { bytes, count } from './schema.ts';
import type { Decoded } from './schema.ts';

export const logEntrySchema = z.object({
  index: count,
  term: count,
  /**
   * `noop`: the first entry of a leader's term. `config`: contains a {@link ClusterConfig}. `normal`: opaque
   * to consensus.
   */
  kind: z.enum(['noop', 'config', 'normal']),
  /** `normal`: the stamped batch. Empty for the other kinds. */
  data: bytes,
  /** The new configuration. Present only in a `config` entry. */
  config: clusterConfigSchema.optional(),
});

/** One entry of the replicated log. Immutable: the same object is stored, sent and applied. */
export type LogEntry = Decoded<typeof logEntrySchema>;
export type EntryKind = LogEntry['kind'];

/** Raft's persistent state besides the entries (Raft paper, figure 2). */
export interface HardState {
  readonly term: number;
  readonly votedFor: string | null;
}

/** The replicated state after the entry at `index`. It replaces the log up to and including `index`. */
export interface Snapshot {
  readonly index: LogIndex;
  readonly term: number;
  readonly config: ClusterConfig;
  readonly data: Uint8Array;
}

/** Bytes that exist in pieces only, because all of them together would need too much memory. */
export interface BytesInPieces {
  /** Number of all bytes. */
  readonly length: number;
  /**
   * Yields the bytes in order. It can be called once. A piece is valid until the next one is taken.
   * @throws MessagePageError a piece cannot be read
   */
  pieces(): Iterable<Uint8Array>;
  /** Ends the use of the bytes. Further calls have no effect. */
  discard(): void;
}

/** A snapshot on its way to the store. */
export interface SnapshotWrite extends Omit<Snapshot, 'data'> {
  readonly data: Uint8Array | BytesInPieces;
}

/** A snapshot of the state at one index that is built in steps, while the state changes. */
export interface UnfinishedSnapshot {
  /**
   * Does a bounded part of the work. @returns the snapshot when it is complete, otherwise null
   * @throws MessagePageError a queued message cannot be read
   */
  advance(): Snapshot | null;
  /** Gives the work up. */
  discard(): void;
}

/** Ends the use of a snapshot that is not stored, or is stored completely. */
export function discardSnapshot(snapshot: SnapshotWrite | undefined): void {
  if (snapshot !== undefined && !(snapshot.data instanceof Uint8Array)) snapshot.data.discard();
}

/** Returns all bytes in one array. Afterwards, `data` cannot be used any more if it was in pieces. */
export function wholeBytes(data: Uint8Array | BytesInPieces): Uint8Array {
  if (data instanceof Uint8Array) return data;
  const bytes = new Uint8Array(data.length);
  let position = 0;
  for (const piece of data.pieces()) {
    bytes.set(piece, position);
    position += piece.length;
  }
  checkLength(position, data);
  return bytes;
}

/** Checks that the pieces had the stated length. A snapshot with a gap would be read as another state. */
export function checkLength(taken: number, { length }: { readonly length: number }): void {
  if (taken !== length)
    throw new Error(`programmer error: the pieces have ${taken} bytes, and their length is ${length}`);
}
