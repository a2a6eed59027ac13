import type { ClusterConfig } from './cluster-config.ts';
import type { ClientId, Incarnation, LogIndex, MemberId, StoreId } from './ids.ts';
import type { LogEntry } from './log.ts';
import type { AdminAction, AdminOutcome } from './member.ts';
import type { Message } from './message.ts';

/** `raft`: small and urgent, on a connection of its own; `log`: bulk; `live`: QoS 0, may be dropped. */
export type Channel = 'raft' | 'log' | 'live';

/** Raft's own messages (paper, figures 2 and 13; thesis 3.10 and 9.6). All name the sender's store. */
export type RaftMessage =
  | RaftVoteRequest
  | RaftVoteResponse
  | RaftAppendRequest
  | RaftAppendResponse
  | RaftSnapshotPiece
  | RaftSnapshotResponse
  | RaftTimeoutNow;

interface RaftHeader {
  readonly term: number;
  readonly storeId: StoreId;
  /** The store it is meant for; a wiped disk ignores what was meant for its former content. */
  readonly toStoreId: StoreId;
}

export interface RaftVoteRequest extends RaftHeader {
  readonly type: 'voteRequest';
  /** Pre-vote (thesis 9.6): asks whether a vote would be granted; changes no state. */
  readonly pre: boolean;
  readonly lastIndex: LogIndex;
  readonly lastTerm: number;
  /** Voters ignore their leader's lease: a transfer, or the leader is known to be dead. */
  readonly force: boolean;
}

export interface RaftVoteResponse extends RaftHeader {
  readonly type: 'voteResponse';
  readonly pre: boolean;
  readonly granted: boolean;
}

export interface RaftAppendRequest extends RaftHeader {
  readonly type: 'appendRequest';
  readonly previousIndex: LogIndex;
  readonly previousTerm: number;
  /** Empty for a heartbeat. */
  readonly entries: readonly LogEntry[];
  readonly commit: LogIndex;
  /** Rises with every round of heartbeats; echoed, for check-quorum and round-trip times. */
  readonly round: number;
}

export interface RaftAppendResponse extends RaftHeader {
  readonly type: 'appendResponse';
  readonly success: boolean;
  /** Success: the last index known to be stored and equal. Failure: where to try next. */
  readonly matchIndex: LogIndex;
  /** Failure: the term at `matchIndex`, to skip whole terms at once (paper, 5.3). */
  readonly conflictTerm: number;
  readonly round: number;
}

export interface RaftSnapshotPiece extends RaftHeader {
  readonly type: 'snapshotPiece';
  readonly index: LogIndex;
  readonly snapshotTerm: number;
  readonly config: ClusterConfig;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
  readonly round: number;
}

export interface RaftSnapshotResponse extends RaftHeader {
  readonly type: 'snapshotResponse';
  readonly index: LogIndex;
  /** Bytes received without holes; `totalBytes` when installed and synced. A transfer resumes here. */
  readonly offset: number;
  readonly installed: boolean;
  readonly round: number;
}

/** Leadership transfer (thesis 3.10): start an election at once. */
export interface RaftTimeoutNow extends RaftHeader {
  readonly type: 'timeoutNow';
}

/** A home's batches for the leader, encoded, in their order. */
export interface ProposeMessage {
  readonly type: 'propose';
  readonly batches: readonly Uint8Array[];
}

/** Who I am; sent when a link comes up and then every second. */
export interface HelloMessage {
  readonly type: 'hello';
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
  /** Milliseconds of the sender's own monotonic clock; absent where an older one does not tell. */
  readonly sentAtMs?: number;
  /** The store was empty at this start and has not yet joined. */
  readonly fresh: boolean;
  /** What this member takes for the cluster, for fresh ones. */
  readonly config: ClusterConfig | null;
  readonly state: 'joining' | 'serving' | 'draining' | 'isolated';
  readonly clients: number;
  readonly load: number;
  readonly urls: readonly string[];
  readonly semantics: number;
  readonly appliedIndex: LogIndex;
  readonly digest: { readonly index: LogIndex; readonly value: string } | null;
  /** Batches acked on this member's own disk only. */
  readonly outboxItems?: number;
  /** The peers' stores this member has heard of, so that founders agree on whom they found with. */
  readonly known: readonly { readonly id: MemberId; readonly storeId: StoreId; readonly fresh: boolean }[];
}

/** Which filters the sender's connected clients have: `full` replaces, otherwise `add` and `remove`. */
export interface InterestMessage {
  readonly type: 'interest';
  readonly full: boolean;
  readonly version: number;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** QoS 0 for matching clients of the receiver. */
export interface LiveMessage {
  readonly type: 'live';
  /** The sender's start, and its own monotonic clock, milliseconds: who gets it late can tell. Absent from an older one. */
  readonly storeId?: StoreId;
  readonly incarnation?: Incarnation;
  readonly sentAtMs?: number;
  readonly messages: readonly Message[];
  /** For one client each: whom the sender chose among those that share a subscription. */
  readonly direct: readonly DirectMessage[];
}

export interface DirectMessage {
  readonly client: ClientId;
  readonly message: Message;
}

/** An operator's wish, passed on to the leader by the member that was asked. */
export interface AdminMessage {
  readonly type: 'admin';
  /** The asker's number of it. */
  readonly request: number;
  readonly action: AdminAction;
}

export interface AdminAnswerMessage {
  readonly type: 'adminAnswer';
  readonly request: number;
  readonly outcome: AdminOutcome;
}

/** From one member to another whose own link is down, through a third; one hop only. */
export interface RelayMessage {
  readonly type: 'relay';
  readonly from: MemberId;
  readonly to: MemberId;
  readonly channel: Channel;
  readonly message: Exclude<PeerMessage, RelayMessage>;
}

export type PeerMessage =
  | { readonly type: 'raft'; readonly message: RaftMessage }
  | ProposeMessage
  | HelloMessage
  | InterestMessage
  | LiveMessage
  | AdminMessage
  | AdminAnswerMessage
  | RelayMessage;
