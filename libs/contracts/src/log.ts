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
