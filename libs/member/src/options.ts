import type { LogIndex, MemberId, MessagePages, RecoveredState } from '@mqtt-cluster/contracts';
import { lanTimings } from '@mqtt-cluster/consensus';
import type { RaftTimings } from '@mqtt-cluster/consensus';
import type { StateEffect } from '@mqtt-cluster/mqtt-state';
import type { SemanticsVersion } from './log/semantics-version.ts';

export interface MemberTimings {
  readonly raft: RaftTimings;
  /** A member becomes isolated when it has no leader, or its proposals make no progress, for this long. */
  readonly isolatedAfterMs: number;
  /**
   * When a member is silent for this long, the cluster treats its clients' connections as closed and
   * publishes their wills (P6: five seconds in all).
   */
  readonly lostAfterMs: number;
  /** A member sends unapplied batches again after this interval, which doubles up to `resendMsMax`. */
  readonly resendMs: number;
  readonly resendMsMax: number;
  /**
   * Interval of hello messages while the member's status does not change. If a hello message to a joining
   * member is lost, the joining member waits this long for the next hello message.
   */
  readonly helloMs: number;
  /**
   * How long the home collects acknowledgements of QoS 1 messages before it proposes a `progress` command.
   * Raising it saves log entries, but a failover redelivers more messages.
   */
  readonly progressMs: number;
  /** Interval at which a member announces all its QoS 0 interest again to peers that have not confirmed it. */
  readonly interestMs: number;
}

export const lanMemberTimings: MemberTimings = {
  raft: lanTimings,
  isolatedAfterMs: 2_000,
  lostAfterMs: 2_500,
  resendMs: 400,
  resendMsMax: 4_000,
  helloMs: 4_000,
  progressMs: 100,
  interestMs: 10_000,
};

export interface MemberLimits {
  /** Upper bound of the unacknowledged messages towards one client, also if its Receive Maximum is larger. */
  readonly inFlightMax: number;
  /**
   * Upper bound of the messages in the queue of a connected clean session. Beyond it the member drops and
   * counts the oldest message.
   */
  readonly cleanQueueMax: number;
  /** Upper bound of the bytes of that queue, with properties and overhead of the messages. */
  readonly cleanQueueBytesMax: number;
  /** Upper bound of the bytes of the queues of all connected clean sessions. */
  readonly homeQueueBytesMax: number;
  /**
   * Upper bound of the bytes of the subscriptions of this member's clients. Beyond it the member refuses filters
   * of clean sessions. Every peer holds the filters as well.
   */
  readonly homeSubscriptionBytesMax: number;
  /**
   * Upper bound of the bytes of one proposed batch. Raising it delays batches on the wire and saves syncs.
   */
  readonly batchBytesMax: number;
  /** Upper bound of the batches that a member has sent to the leader and that are not yet applied. */
  readonly batchesInFlightMax: number;
  /**
   * A command above this size is large: it waits in a lane of its client. Also the bytes that a lane sends in one
   * turn. Raising it lets bulk data of many clients delay small commands.
   */
  readonly largeCommandBytes: number;
  /**
   * Upper bound of the bytes of large commands in the batches that are not yet applied; one command may exceed it.
   * Small commands do not count. Raising it speeds up bulk data, and delays the small commands behind it.
   */
  readonly largeInFlightBytesMax: number;
  /** Upper bound of the bytes that an isolated member accepts from clients, in memory and on disk. */
  readonly outboxBytesMax: number;
  /** A member takes a snapshot and compacts its log when the log has grown to this many bytes. */
  readonly logBytesMax: number;
  /**
   * Entries that a member keeps before a snapshot, so that a peer needs no snapshot after a short absence.
   */
  readonly keepEntries: number;
  /**
   * Bytes that a member encodes or copies in one turn while it builds a snapshot; one value more may exceed it. Raising it
   * builds the snapshot in fewer turns, and delays everything else in each of them.
   */
  readonly snapshotBytesPerTurnMax: number;
  /**
   * Upper bound of the queued messages in memory, bytes. Further ones are on pages. A higher bound costs memory and saves
   * reads for sessions that come back soon.
   */
  readonly messageCacheBytesMax: number;
  /** Members compare digests at multiples of this index while the state is small. */
  readonly digestEvery: number;
}

export const defaultLimits: MemberLimits = {
  inFlightMax: 100,
  cleanQueueMax: 10_000,
  cleanQueueBytesMax: 16 * 1024 * 1024,
  homeQueueBytesMax: 128 * 1024 * 1024,
  homeSubscriptionBytesMax: 128 * 1024 * 1024,
  batchBytesMax: 256 * 1024,
  batchesInFlightMax: 8,
  largeCommandBytes: 4 * 1024,
  largeInFlightBytesMax: 256 * 1024,
  outboxBytesMax: 64 * 1024 * 1024,
  logBytesMax: 32 * 1024 * 1024,
  keepEntries: 4_096,
  snapshotBytesPerTurnMax: 1024 * 1024,
  messageCacheBytesMax: 16 * 1024 * 1024,
  digestEvery: 1_024,
};

/** Reports internal events to a simulation. Its methods must not change the member. */
export interface MemberObserver {
  /** Reports a coverage mark: the run has reached a rare situation. */
  mark(name: string): void;
  /**
   * Reports that the member applied the batch at this index. Repeats and batches after a gap are not
   * reported.
   */
  batchApplied(index: LogIndex, applied: AppliedBatch): void;
}

type AppliedBatch = Extract<StateEffect, { kind: 'batchApplied' }>;

/** Reports durations for the metrics, on the clock of `tick`. Its methods must not change the member. */
export interface MemberMeasures {
  /** Reports an applied batch of this home: milliseconds since the batch was formed. */
  committed(durationMs: number): void;
  /**
   * Reports that this turn delivers a sampled message for the first time. `receivedMs` is the time at which
   * this home received the message.
   */
  delivering(receivedMs: number): void;
}

export interface MemberOptions {
  readonly id: MemberId;
  /**
   * All configured members, including this one. They form the cluster at the first start; no other member may
   * join.
   */
  readonly members: readonly MemberId[];
  /** URLs at which clients reach this member. */
  readonly urls: readonly string[];
  /** Version of the questions that the appliance answers, for the hello messages. Default: it answers no questions. */
  readonly api?: number;
  readonly recovered: RecoveredState;
  readonly whenIsolated: 'accept' | 'hold';
  /**
   * What happens to the will of a connection when its client connects again and the home of the connection is
   * unreachable, has restarted, or has moved the client to another server. Default: `discard`.
   */
  readonly willAfterFailover?: 'discard' | 'publish';
  readonly timings: MemberTimings;
  readonly limits: MemberLimits;
  /**
   * Opens empty pages for queued messages. They need not survive the member. Absent: all queued messages stay in memory.
   */
  readonly openMessagePages?: () => MessagePages;
  /** Returns a uniform random number in [0, 1). The member uses no other source of randomness. */
  readonly random: () => number;
  /**
   * The semantics version that this member supports. Simulations replace it; the default is the version of
   * this program.
   */
  readonly semantics?: SemanticsVersion;
  readonly observer?: MemberObserver;
  readonly measures?: MemberMeasures;
}
