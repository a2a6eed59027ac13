import type {
  ClusterConfig,
  HardState,
  LogEntry,
  LogIndex,
  MemberId,
  RaftMessage,
  Snapshot,
  StoreId,
} from '@mqtt-cluster/contracts';

export interface RaftTimings {
  readonly heartbeatMs: number;
  /** Elections start after a random time in [min, max) without a leader. */
  readonly electionMsMin: number;
  readonly electionMsMax: number;
  /** A voter that lost its leader for certain starts its pre-vote after a random time below this. */
  readonly goneLeaderDelayMsMax: number;
}

export const lanTimings: RaftTimings = {
  heartbeatMs: 100,
  electionMsMin: 400,
  electionMsMax: 800,
  goneLeaderDelayMsMax: 50,
};

export interface RaftOptions {
  readonly id: MemberId;
  readonly storeId: StoreId;
  readonly timings: RaftTimings;
  /** Uniform in [0, 1); the only source of randomness. */
  readonly random: () => number;
  /** Bytes of entries in one append. */
  readonly appendBytesMax: number;
  /** Appends with entries on the way to one follower before an answer (pipelining). */
  readonly appendsInFlightMax: number;
  readonly snapshotPieceBytes: number;
}

/** What the disk held. `config` is that of the snapshot; config entries in `entries` override it. */
export interface RaftInitial {
  readonly hardState: HardState;
  readonly snapshot: Pick<Snapshot, 'index' | 'term'> | null;
  /** The last snapshot's configuration, or the founders'; null for a member that belongs to no cluster yet. */
  readonly config: ClusterConfig | null;
  readonly entries: readonly LogEntry[];
}

export type RaftRole = 'follower' | 'preCandidate' | 'candidate' | 'leader' | 'learner' | 'none';

export interface RaftEnvelope {
  readonly to: MemberId;
  readonly message: RaftMessage;
}

/** One atomic change of the disk. Whatever depends on it waits inside Raft until `stored(token)`. */
export interface RaftWrite {
  readonly token: number;
  readonly hardState?: HardState;
  readonly truncateFrom?: LogIndex;
  readonly entries?: readonly LogEntry[];
  /** Received from the leader: replaces everything. */
  readonly snapshot?: Snapshot;
}

export type RaftEvent =
  | { readonly kind: 'leader'; readonly leader: MemberId | null; readonly term: number }
  | { readonly kind: 'elected'; readonly term: number }
  | { readonly kind: 'steppedDown'; readonly term: number; readonly reason: string }
  | { readonly kind: 'electionStarted'; readonly term: number }
  | { readonly kind: 'tailOverwritten'; readonly from: LogIndex }
  | { readonly kind: 'configChanged'; readonly config: ClusterConfig }
  | { readonly kind: 'snapshotSent'; readonly to: MemberId; readonly index: LogIndex; readonly bytes: number }
  /** A peer's store answered with less than it had acknowledged before: it lost data and must not count. */
  | { readonly kind: 'storeRegressed'; readonly member: MemberId };

export interface RaftOutput {
  /** At most one; null when nothing is to be stored. */
  readonly write: RaftWrite | null;
  /** May leave at once: whatever needs the disk first is held back inside. */
  readonly messages: readonly RaftEnvelope[];
  /** In order, each once. Committed entries may be applied before they are stored here. */
  readonly committed: readonly LogEntry[];
  /** Restore the state from it (before `committed` of the same output). */
  readonly restore: Snapshot | null;
  /** A follower needs what the log no longer has: answer with `provideSnapshot`. */
  readonly snapshotWanted: boolean;
  readonly events: readonly RaftEvent[];
}

export interface RaftStatus {
  readonly role: RaftRole;
  readonly term: number;
  readonly leader: MemberId | null;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly logBytes: number;
  readonly config: ClusterConfig | null;
  /** Leader only: the highest index known to be stored by each other member; without those of whom that is not known yet. */
  readonly match: Readonly<Record<MemberId, LogIndex>>;
  /** Leader only: a majority has answered within the last election time-out. */
  readonly hasQuorum: boolean;
  /** Leader only: milliseconds since each other member was heard. */
  readonly silentMs: Readonly<Record<MemberId, number>>;
  readonly transferring: MemberId | null;
  readonly configChangePending: boolean;
}

/**
 * Raft without I/O, timers or a clock (Ongaro & Ousterhout 2014; Ongaro's thesis). Implemented by `createRaft`.
 * Times are milliseconds of the caller's monotonic clock. Inputs never throw on what peers send; unknown or
 * stale messages are ignored.
 */
export interface Raft {
  tick(nowMs: number): void;
  step(from: MemberId, message: RaftMessage): void;
  /** Appends as leader. @returns the first index, or null when this member isn't a leader that may propose. */
  propose(data: readonly Uint8Array[]): LogIndex | null;
  /**
   * Proposes other members; differs from the current ones by one member at most (thesis 4.1; replacing a store id is one
   * change: the new one enters as learner). Refused while one is pending or before the first commit of this term;
   * a new store that would vote at once, or a learner that lacks the current configuration, is refused, too.
   */
  proposeConfig(
    config: ClusterConfig,
  ): { readonly accepted: true } | { readonly accepted: false; readonly reason: string };
  /** To `to`, or to the voter that has most. Proposals are refused meanwhile; given up after an election time-out. */
  transferLeadership(to?: MemberId): void;
  /** The write of this token and all earlier ones are synced. Ignored for tokens that were refused. */
  stored(token: number): void;
  /**
   * The disk refused the write of this token (full). Its content, and that of all later writes, whatever became of them,
   * comes again in one write after 100 ms of tick time; until that is stored nothing that depends on it leaves.
   */
  storeRefused(token: number): void;
  /**
   * The link to a peer: `refused` means that its process is dead for certain; when it was the leader a pre-vote
   * starts within `goneLeaderDelayMsMax` and its lease is over.
   */
  link(peer: MemberId, state: 'up' | 'down' | 'refused'): void;
  /** The state up to `index` has been applied. */
  applied(index: LogIndex): void;
  /** Answer to `snapshotWanted`: the state at an applied index. Kept until all transfers from it are done. */
  provideSnapshot(snapshot: Snapshot): void;
  /**
   * A snapshot at `index` is on the disk: entries up to it may go. The last `keepEntries` of them stay for peers
   * that are away or lag a little. A leader cuts all when all have all, and keeps up to four times as many for a peer
   * that answers and still needs them (also after a snapshot on its way to it); who needs more gets a newer snapshot.
   * Entries that are not stored here, or were not given out, always stay.
   */
  compact(index: LogIndex, keepEntries: number): void;
  entry(index: LogIndex): LogEntry | undefined;
  termAt(index: LogIndex): number | undefined;
  take(): RaftOutput;
  status(): RaftStatus;
}
