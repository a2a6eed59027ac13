import type { LogIndex, MemberId, Recovered } from '@mqtt-cluster/contracts';
import { lanTimings } from '@mqtt-cluster/consensus';
import type { RaftTimings } from '@mqtt-cluster/consensus';
import type { StateEffect } from '@mqtt-cluster/mqtt-state';
import type { SemanticsVersion } from './log/semantics-version.ts';

export interface MemberTimings {
  readonly raft: RaftTimings;
  /** Without a leader, or without progress of its own proposals, for this long a member is isolated. */
  readonly isolatedAfterMs: number;
  /** A member unheard for this long loses its connections (wills fire): P6 promises five seconds in all. */
  readonly lostAfterMs: number;
  /** Batches without an answer are sent again after this, then twice as long, up to `resendMsMax`. */
  readonly resendMs: number;
  readonly resendMsMax: number;
  /** Members tell each other of themselves this often when nothing is new. Newcomers and a lost word wait for it. */
  readonly helloMs: number;
  /** QoS 1 progress of subscribers is told this late: what a failover may repeat, against entries in the log. */
  readonly progressMs: number;
  /** Interest in QoS 0 is told whole this often, in case an update was lost. */
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
  /** Unacknowledged messages towards one client, whatever it asks for. */
  readonly inFlightMax: number;
  /** Messages a connected clean session may have waiting; beyond it the oldest go (counted). */
  readonly cleanQueueMax: number;
  /** Bytes of one proposal batch. Larger ones wait longer on the wire and sync less often. */
  readonly batchBytesMax: number;
  /** Batches sent to the leader and not yet applied. */
  readonly batchesInFlightMax: number;
  /** Bytes accepted without a majority, in memory and on disk. */
  readonly outboxBytesMax: number;
  /** A snapshot is taken, and the log cut, when it has grown by this. */
  readonly logBytesMax: number;
  /** Entries kept behind a snapshot, so that a short absence needs no snapshot. */
  readonly keepEntries: number;
  /** Digests are compared at multiples of this index while the state is small. */
  readonly digestEvery: number;
}

export const defaultLimits: MemberLimits = {
  inFlightMax: 100,
  cleanQueueMax: 10_000,
  batchBytesMax: 256 * 1024,
  batchesInFlightMax: 8,
  outboxBytesMax: 64 * 1024 * 1024,
  logBytesMax: 32 * 1024 * 1024,
  keepEntries: 4_096,
  digestEvery: 1_024,
};

/** What a simulation wants to see of the inside. It is only told, and must change nothing. */
export interface MemberObserver {
  /** Something rare has come to pass. */
  mark(name: string): void;
  /** The batch at this index was applied, not left out as a repeat or behind a hole. */
  batchApplied(index: LogIndex, applied: AppliedBatch): void;
}

export type AppliedBatch = Extract<StateEffect, { kind: 'batchApplied' }>;

/** Durations for the metrics, on the clock of `tick`. It is only told, and must change nothing. */
export interface MemberMeasures {
  /** A batch of this home has been applied here; ms since it was formed. */
  committed(durationMs: number): void;
  /** Among the effects of this turn is the first delivery of a message that this home took in then. A sample. */
  delivering(receivedMs: number): void;
}

export interface MemberOptions {
  readonly id: MemberId;
  /** All members as configured, oneself included; who founds the cluster, and who may join it. */
  readonly members: readonly MemberId[];
  /** Where clients reach this member. */
  readonly urls: readonly string[];
  readonly recovered: Recovered;
  readonly whenIsolated: 'accept' | 'hold';
  readonly timings: MemberTimings;
  readonly limits: MemberLimits;
  /** Uniform in [0, 1); the only source of randomness. */
  readonly random: () => number;
  /** Which version of the commands' meaning this program speaks; by default the one of this code. */
  readonly semantics?: SemanticsVersion;
  readonly observer?: MemberObserver;
  readonly measures?: MemberMeasures;
}
