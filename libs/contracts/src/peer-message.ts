import { z } from 'zod';
import { adminActionSchema, adminOutcomeSchema } from './administration.ts';
import { clusterConfigSchema } from './cluster-config.ts';
import { logEntrySchema } from './log.ts';
import { messageSchema } from './message.ts';
import { anyNumber, bytes, count } from './schema.ts';
import { isFrequentList } from './frequent-messages.ts';
import type { Decoded } from './schema.ts';

/**
 * The messages between members. Each message type is declared once, here: its schema is the TypeScript type,
 * the check after decoding, and the documentation. A receiver ignores fields that it does not know, so a
 * newer member may add optional fields.
 */

/**
 * Channels of the bridge. `raft`: small, urgent messages on a connection of their own. `log`: large messages.
 * `live`: QoS 0 messages, which may be dropped.
 */
const channel = z.enum(['raft', 'log', 'live']);
export type Channel = z.output<typeof channel>;

const raftHeader = {
  term: count,
  /** Id of the sender's store. */
  storeId: z.string(),
  /** Id of the receiver's store. A member with a new store ignores messages for its former store. */
  toStoreId: z.string(),
};

/** RequestVote (Raft paper, figure 2). */
const voteRequest = z.object({
  type: z.literal('voteRequest'),
  ...raftHeader,
  /** Pre-vote (Ongaro's thesis, 9.6): asks whether the receiver would grant a vote; changes no state. */
  pre: z.boolean(),
  lastIndex: count,
  lastTerm: count,
  /**
   * True if voters must ignore the lease of their leader, because the leader transfers its leadership or is
   * known to be dead.
   */
  force: z.boolean(),
});

const voteResponse = z.object({
  type: z.literal('voteResponse'),
  ...raftHeader,
  pre: z.boolean(),
  granted: z.boolean(),
});

/** AppendEntries (Raft paper, figure 2). */
const appendRequest = z.object({
  type: z.literal('appendRequest'),
  ...raftHeader,
  previousIndex: count,
  previousTerm: count,
  /** Empty in a heartbeat. */
  entries: z.array(logEntrySchema),
  commit: count,
  /** Rises with every round of heartbeats. The response returns it, for check-quorum and round-trip times. */
  round: anyNumber,
});

const appendResponse = z.object({
  type: z.literal('appendResponse'),
  ...raftHeader,
  success: z.boolean(),
  /** On success the last index that is stored and equal to the leader's. On failure the index to try next. */
  matchIndex: z.int(),
  /** On failure the term at `matchIndex`, so that the leader skips whole terms (Raft paper, 5.3). */
  conflictTerm: z.int(),
  round: anyNumber,
});

/** InstallSnapshot (Raft paper, figure 13), in pieces. */
const snapshotPiece = z.object({
  type: z.literal('snapshotPiece'),
  ...raftHeader,
  /** The snapshot contains the state after the entry at this index. */
  index: count,
  snapshotTerm: count,
  config: clusterConfigSchema,
  /** Position of `data` in the snapshot, bytes. */
  offset: count,
  totalBytes: count,
  data: bytes,
  round: anyNumber,
});

const snapshotResponse = z.object({
  type: z.literal('snapshotResponse'),
  ...raftHeader,
  index: count,
  /**
   * Bytes received without gaps; `totalBytes` once the snapshot is installed and synced. The transfer resumes
   * here.
   */
  offset: count,
  installed: z.boolean(),
  round: anyNumber,
});

/** Leadership transfer (Ongaro's thesis, 3.10): the receiver starts an election at once. */
const timeoutNow = z.object({ type: z.literal('timeoutNow'), ...raftHeader });

const raftMessage = z.discriminatedUnion('type', [
  voteRequest,
  voteResponse,
  appendRequest,
  appendResponse,
  snapshotPiece,
  snapshotResponse,
  timeoutNow,
]);

/** A home's encoded batches for the leader, in their order. */
const propose = z.object({ type: z.literal('propose'), batches: z.array(bytes) });

/**
 * A heartbeat with the state of the sender. A member sends it when a link comes up, and every second after
 * that.
 */
const hello = z.object({
  type: z.literal('hello'),
  storeId: z.string(),
  incarnation: count,
  /** Milliseconds of the sender's monotonic clock. Older versions do not send it. */
  sentAtMs: anyNumber.optional(),
  /** The sender's store was empty at this start, and the sender has not yet joined a cluster. */
  fresh: z.boolean(),
  /** The sender's cluster configuration; null while the sender belongs to no cluster. */
  config: clusterConfigSchema.nullable(),
  state: z.enum(['joining', 'serving', 'draining', 'isolated']),
  /** Connected clients. */
  clients: count,
  /** 0 (idle) to 1 (overloaded). */
  load: anyNumber,
  /** Addresses at which the sender serves clients. */
  urls: z.array(z.string()),
  /** The newest semantics version that the sender implements. */
  semantics: count,
  appliedIndex: count,
  /** Digest of the sender's state at an index that all members use; null before the first digest. */
  digest: z.object({ index: count, value: z.string() }).nullable(),
  /** Batches that only the sender's outbox holds. Older versions do not send it. */
  outboxItems: count.optional(),
  /**
   * Cluster time, ms, that the sender estimates from its wall clock and its clock record, see `ClockRecord`.
   * Absent when the sender found no record at its start. Older versions do not send it.
   */
  wallTimeMs: anyNumber.optional(),
  /**
   * Version of the questions that the sender answers, see `query`. Older versions do not send it, and refuse frames
   * with a question.
   */
  api: count.optional(),
  /**
   * The stores of all peers from which the sender has received a hello, so that members agree on the members
   * of a bootstrap.
   */
  known: z.array(z.object({ id: z.string(), storeId: z.string(), fresh: z.boolean() })),
});

/**
 * The topic filters of the sender's connected clients. With `full`, `add` replaces all earlier filters;
 * otherwise `add` and `remove` change them.
 */
const interest = z.object({
  type: z.literal('interest'),
  /**
   * The sender's store and incarnation, which begin the versions again. The receiver returns the incarnation in its
   * answer. Older versions do not send them.
   */
  storeId: z.string().optional(),
  incarnation: count.optional(),
  full: z.boolean(),
  /** Number of changes of the sender's interest. A message without `full` changes the version before it. */
  version: count,
  add: z.array(z.string()),
  remove: z.array(z.string()),
});

/**
 * Answer to `interest`: the sender of this message forwards QoS 0 messages as the interest of this version
 * demands. Sent only to peers that announce semantics version 3 or newer; older versions refuse the type.
 */
const interestAnswer = z.object({
  type: z.literal('interestAnswer'),
  /** `incarnation` and `version` of the interest. */
  incarnation: count,
  version: count,
});

/**
 * A QoS 0 message for one client. The sender chose the client among the subscribers of a shared subscription.
 */
const directMessage = z.object({
  client: z.string(),
  message: messageSchema,
  /** The shared subscription, whose identifier and options hold for the delivery. Older versions do not send it. */
  filter: z.string().optional(),
});

/** QoS 0 messages for matching clients of the receiver. */
const live = z.object({
  type: z.literal('live'),
  /**
   * The sender's store, incarnation and monotonic clock (ms), from which the receiver estimates the age of
   * the messages. Older versions do not send them.
   */
  storeId: z.string().optional(),
  incarnation: count.optional(),
  sentAtMs: anyNumber.optional(),
  /**
   * The last log index that the sender had applied. The receiver delivers the messages after it has applied
   * this index, so that they do not overtake what the log carries. Older versions do not send it.
   */
  appliedIndex: count.optional(),
  messages: z.array(messageSchema),
  direct: z.array(directMessage),
});

/** An operator's request, forwarded to the leader by the member that received it. */
const admin = z.object({
  type: z.literal('admin'),
  /** Number of the request, unique at the sender. */
  request: count,
  action: adminActionSchema,
});

const adminAnswer = z.object({ type: z.literal('adminAnswer'), request: count, outcome: adminOutcomeSchema });

/** Largest body of a question or an answer, bytes. */
export const queryBodyBytesMax = 256 * 1024;

const queryKindLengthMax = 64;

/** A body of a question or an answer: JSON in UTF-8. */
const queryBody = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.length <= queryBodyBytesMax,
);

/**
 * A question of the HTTP API to one other member. Sent only to peers whose hello message has `api`, on the channel
 * `live`, and never relayed: a question that is lost has no answer within its deadline.
 */
const query = z.object({
  type: z.literal('query'),
  /** Number of the question, unique at the sender. */
  request: count,
  kind: z.string().max(queryKindLengthMax),
  body: queryBody,
});

const queryAnswer = z.object({
  type: z.literal('queryAnswer'),
  /** `request` of the question. */
  request: count,
  /** As in HTTP: 200 with the answer, any other code with `{"reason": "..."}`. */
  code: count,
  body: queryBody,
});

const raftEnvelope = z.object({
  type: z.literal('raft'),
  message: raftMessage,
  /**
   * The sender's cluster time, ms. In an appendRequest it is the leader's cluster time. In a granted
   * voteResponse it is the voter's estimate; voters that have followed no leader since their start send none.
   * Older versions do not send it.
   */
  clusterTimeMs: anyNumber.optional(),
});

const direct = [raftEnvelope, propose, hello, interest, interestAnswer, live, admin, adminAnswer] as const;

/**
 * A message that a third member forwards because the link from the sender to the receiver is down. A relayed
 * message is never a relay itself (one hop).
 */
const relay = z.object({
  type: z.literal('relay'),
  from: z.string(),
  to: z.string(),
  channel,
  message: z.discriminatedUnion('type', direct),
});

const peerMessages = z.array(z.discriminatedUnion('type', [...direct, query, queryAnswer, relay]));

export type RaftVoteRequest = Decoded<typeof voteRequest>;
export type RaftVoteResponse = Decoded<typeof voteResponse>;
export type RaftAppendRequest = Decoded<typeof appendRequest>;
export type RaftAppendResponse = Decoded<typeof appendResponse>;
export type RaftSnapshotPiece = Decoded<typeof snapshotPiece>;
export type RaftSnapshotResponse = Decoded<typeof snapshotResponse>;
export type RaftMessage = Decoded<typeof raftMessage>;
export type HelloMessage = Decoded<typeof hello>;
export type InterestMessage = Decoded<typeof interest>;
export type InterestAnswerMessage = Decoded<typeof interestAnswer>;
export type LiveMessage = Decoded<typeof live>;
export type DirectMessage = Decoded<typeof directMessage>;
export type AdminMessage = Decoded<typeof admin>;
export type AdminAnswerMessage = Decoded<typeof adminAnswer>;
export type QueryMessage = Decoded<typeof query>;
export type QueryAnswerMessage = Decoded<typeof queryAnswer>;
/** A message that a third member may forward. */
export type RelayedMessage = Decoded<typeof relay>['message'];
export type PeerMessage = Decoded<typeof peerMessages>[number];

/**
 * Returns whether a decoded frame body is a list of peer messages: plain data in which every field has its
 * declared type. The check does not change the value and keeps unknown fields.
 */
export function isPeerMessageList(value: unknown): value is PeerMessage[] {
  return isFrequentList(value) || peerMessages.safeParse(value).success;
}
