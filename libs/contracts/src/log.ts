import type { ClusterConfig } from './cluster-config.ts';
import type { LogIndex } from './ids.ts';

/** `noop` opens a leader's term; `config` holds a {@link ClusterConfig}; `normal` is opaque to consensus. */
export type EntryKind = 'noop' | 'config' | 'normal';

/** One entry of the replicated log. Immutable once made: the same object is stored, sent and applied. */
export interface LogEntry {
  readonly index: LogIndex;
  readonly term: number;
  readonly kind: EntryKind;
  /** `normal`: the stamped batch. Otherwise empty. */
  readonly data: Uint8Array;
  /** `config` only. */
  readonly config?: ClusterConfig;
}

/** What must survive a restart besides entries (Raft paper, figure 2). */
export interface HardState {
  readonly term: number;
  readonly votedFor: string | null;
}

/** The whole replicated state after `index`; replaces the log up to there. */
export interface Snapshot {
  readonly index: LogIndex;
  readonly term: number;
  readonly config: ClusterConfig;
  readonly data: Uint8Array;
}
