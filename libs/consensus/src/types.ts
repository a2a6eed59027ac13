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

/** Intervals and timeouts in milliseconds. */
export interface RaftTimings {
  readonly heartbeatMs: number;
  /**
   * Without a leader, a voter starts an election after a random time in [`electionMsMin`, `electionMsMax`).
   */
  readonly electionMsMin: number;
  readonly electionMsMax: number;
  /** If the leader is known to be dead, a voter starts its pre-vote after a random time below this value. */
  readonly deadLeaderDelayMsMax: number;
}

export const lanTimings: RaftTimings = {
  heartbeatMs: 100,
  electionMsMin: 400,
  electionMsMax: 800,
  deadLeaderDelayMsMax: 50,
};

export interface RaftOptions {
  readonly id: MemberId;
  readonly storeId: StoreId;
  /** Raft reads the timings again for each use, so the caller may change them at any time. */
  readonly timings: RaftTimings;
  /** Returns numbers uniformly distributed in [0, 1). The only source of randomness. */
  readonly random: () => number;
  /** Maximum size of the entries in one append, bytes. A single larger entry is sent alone. */
  readonly appendBytesMax: number;
  /** Maximum number of unacknowledged appends with entries per follower (pipelining). */
  readonly appendsInFlightMax: number;
  readonly snapshotPieceBytes: number;
  /**
   * Returns whether a follower needs a new commit index at once. Other followers get it with the next append or
   * heartbeat. Default: all of them need it.
   */
  readonly isCommitAwaited?: (peer: MemberId) => boolean;
}

/** The state that the disk held at start. Config entries in `entries` override `config`. */
export interface RaftInitialState {
  readonly hardState: HardState;
  readonly snapshot: Pick<Snapshot, 'index' | 'term'> | null;
  /**
   * The configuration of the last snapshot or of the bootstrap; null for a member that belongs to no cluster
   * yet.
   */
  readonly config: ClusterConfig | null;
  readonly entries: readonly LogEntry[];
}

/** `none`: the current configuration does not contain this member and its store. */
export type RaftRole = 'follower' | 'preCandidate' | 'candidate' | 'leader' | 'learner' | 'none';

export interface RaftEnvelope {
  readonly to: MemberId;
  readonly message: RaftMessage;
}

/** One atomic change of the disk. Messages that depend on it are held until `stored(token)`. */
export interface RaftWrite {
  readonly token: number;
  readonly hardState?: HardState;
  /** If set, all entries from this index on are removed before `entries` are appended. */
  readonly truncateFrom?: LogIndex;
  readonly entries?: readonly LogEntry[];
  /** A snapshot received from the leader. It replaces the stored snapshot and the whole stored log. */
  readonly snapshot?: Snapshot;
}

export type RaftEvent =
  | { readonly kind: 'leader'; readonly leader: MemberId | null; readonly term: number }
  | { readonly kind: 'elected'; readonly term: number }
  | { readonly kind: 'steppedDown'; readonly term: number; readonly reason: string }
  | { readonly kind: 'electionStarted'; readonly term: number }
  /** Entries from `from` on conflicted with the leader's log and were removed. */
  | { readonly kind: 'logTruncated'; readonly from: LogIndex }
  | { readonly kind: 'configChanged'; readonly config: ClusterConfig }
  | { readonly kind: 'snapshotSent'; readonly to: MemberId; readonly index: LogIndex; readonly bytes: number }
  /**
   * A peer's store has lost entries that the peer had acknowledged. The leader no longer counts this peer's
   * acknowledgements.
   */
  | { readonly kind: 'storeRegressed'; readonly member: MemberId };

/** Everything that the caller has to do; see the module comment of `raft.ts`. */
export interface RaftOutput {
  /** The change to store; null when there is none. */
  readonly write: RaftWrite | null;
  /**
   * Messages that the caller sends at once. A message that depends on a write appears only after that write
   * is stored.
   */
  readonly messages: readonly RaftEnvelope[];
  /**
   * Committed entries in order, each exactly once. They may be applied before this member has stored them.
   */
  readonly committed: readonly LogEntry[];
  /**
   * The state machine must be restored from this snapshot, before `committed` of the same output is applied.
   */
  readonly restore: Snapshot | null;
  /**
   * True while a follower needs entries that the log no longer has, and no snapshot for it is provided. The caller takes a
   * snapshot, and responds with `provideSnapshot`, at once or after several outputs.
   */
  readonly snapshotNeeded: boolean;
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
  /**
   * Leader only: the highest index known to be stored by each peer. Peers whose index is not yet known are
   * missing.
   */
  readonly match: Readonly<Record<MemberId, LogIndex>>;
  /** Leader only: whether a majority has responded within the last election timeout. */
  readonly hasQuorum: boolean;
  /** Leader only: milliseconds since each peer was last known to be alive. */
  readonly silentMs: Readonly<Record<MemberId, number>>;
  /** Leader only: the member that leadership is being transferred to. */
  readonly transferTarget: MemberId | null;
  readonly configChangePending: boolean;
}

/**
 * Raft without I/O, timers or a clock; created by `createRaft`. The module comment of `raft.ts` explains
 * inputs, outputs, writes and barriers.
 *
 * All times are milliseconds of the caller's monotonic clock. No message of a peer makes a method throw:
 * unknown and stale messages are ignored.
 */
export interface Raft {
  /** Advances the time: sends due heartbeats, starts due elections, checks the leader's quorum. */
  tick(nowMs: number): void;
  /**
   * Returns when a tick has work if no input comes before: the next round of heartbeats of a leader, the next election of
   * another member. Infinity before the first tick.
   */
  nextTickMs(): number;
  /** Handles a message of a peer. */
  step(from: MemberId, message: RaftMessage): void;
  /**
   * Appends entries to the log.
   * @returns the index of the first one; null if this member is not the leader or a leadership transfer is in
   * progress
   */
  propose(data: readonly Uint8Array[]): LogIndex | null;
  /**
   * Proposes a new configuration. It may differ from the current one in one member only (thesis, 4.1).
   * Replacing a store id is one change, and the new store must enter as a learner. The leader rejects the
   * change in five cases: another change is pending; the leader has not committed an entry in this term; a
   * new store would vote at once; a learner to promote has not stored the current configuration; no majority
   * of the new voters responds.
   */
  proposeConfig(
    config: ClusterConfig,
  ): { readonly accepted: true } | { readonly accepted: false; readonly reason: string };
  /**
   * Transfers leadership to `to`, by default to the most up-to-date active voter (thesis, 3.10). During a
   * transfer the leader rejects proposals. After an election timeout the leader ends an unsuccessful
   * transfer.
   */
  transferLeadership(to?: MemberId): void;
  /**
   * Reports that the write with this token and all earlier writes are synced. Raft ignores reports about
   * refused writes.
   */
  stored(token: number): void;
  /**
   * Reports that the disk is full and refused the write with this token. After 100 ms of tick time an output
   * contains one new write with the content of this and all later writes, whether or not the later ones were
   * stored. Messages that depend on them are held until the new write is stored.
   */
  storeRefused(token: number): void;
  /**
   * Reports the state of the link to a peer. `refused` means that the peer's process is known to be dead. If
   * the peer was the leader, its lease ends, and this member starts a pre-vote within `deadLeaderDelayMsMax`.
   */
  linkChanged(peer: MemberId, link: 'up' | 'down' | 'refused'): void;
  /**
   * Provides the snapshot for `snapshotNeeded`: the state at an applied index. Raft keeps this snapshot until its
   * transfers have ended.
   */
  provideSnapshot(snapshot: Snapshot): void;
  /**
   * Compacts the log after a snapshot at `index` was stored. The last `keepEntries` entries up to `index` are
   * kept for peers that are unreachable or lag a little. A leader keeps no entries that all peers have. For
   * an active peer that needs more entries, a leader keeps up to four times as many, also after a snapshot
   * transfer. Peers that lag more get a newer snapshot. Raft never removes an entry that this member has not
   * stored, or that no output has returned as committed.
   */
  compact(index: LogIndex, keepEntries: number): void;
  /** Returns the commit index of `status` without the cost of a whole status. */
  commitIndex(): LogIndex;
  entry(index: LogIndex): LogEntry | undefined;
  termAt(index: LogIndex): number | undefined;
  /** Returns the role of `status` without the cost of a whole status. */
  role(): RaftRole;
  /** Returns the configuration of `status` without the cost of a whole status. */
  config(): ClusterConfig | null;
  /** Returns and clears everything that has accumulated since the last call. */
  take(): RaftOutput;
  status(): RaftStatus;
}
