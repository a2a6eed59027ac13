import type {
  AccessTable,
  ClientId,
  ClusterConfig,
  ClusterSettings,
  ConnectionAccess,
  DropReason,
  Epoch,
  Incarnation,
  LogIndex,
  MemberId,
  Message,
  QoS,
  StoreId,
  Subscription,
  Will,
} from '@mqtt-cluster/contracts';
import type { BodyCache, Origin } from './bodies/body-content.ts';
import type { EncodedState } from './codec/encoded-state.ts';
import type { Part } from './codec/bytes.ts';
import type { VisitBudget } from './topics/topic-tree.ts';

/** The result of one command of a batch. The home turns it into the response to the client. */
export type CommandResult =
  | {
      readonly kind: 'opened';
      readonly epoch: Epoch;
      readonly sessionPresent: boolean;
      /** The granted Session Expiry Interval, seconds. */
      readonly expirySeconds: number;
    }
  | { readonly kind: 'refused'; readonly reason: 'quotaExceeded' | 'elsewhere' | 'notAuthorized' }
  | {
      readonly kind: 'subscribed';
      readonly codes: readonly number[];
      readonly isNew: readonly boolean[];
      /**
       * For each filter: true when its retained messages of QoS 1 and 2 were appended to the session's queue.
       */
      readonly retainedQueued: readonly boolean[];
    }
  | { readonly kind: 'unsubscribed'; readonly existed: readonly boolean[] }
  /**
   * `repeat`: the QoS 2 packet id of the publish is already stored. The home acknowledges the publish like an
   * applied one.
   */
  | {
      readonly kind: 'published';
      readonly outcome: 'applied' | 'repeat' | 'quotaExceeded';
      /**
       * True if no subscription of the replicated state matches the topic. Clean sessions keep their subscriptions
       * at their home.
       */
      readonly unmatched?: true;
    }
  | { readonly kind: 'accessChanged'; readonly version: number }
  /** The change of users and rules would exceed a bound, and the state is unchanged. `reason`: one sentence. */
  | { readonly kind: 'accessRefused'; readonly reason: string }
  /** `connections`: number of the connections that the command ended. */
  | { readonly kind: 'revoked'; readonly connections: number }
  | { readonly kind: 'done' }
  /**
   * `void`: the epoch of the command is not the client's current epoch. The state is unchanged, and the home
   * must close the connection.
   */
  | { readonly kind: 'void' };

/** An output of `apply`. */
export type StateEffect =
  /**
   * A batch was applied. This effect follows the effects of the batch's commands. Repeated batches and
   * batches after a gap have no `batchApplied` effect.
   */
  | {
      readonly kind: 'batchApplied';
      readonly member: MemberId;
      readonly storeId: StoreId;
      readonly incarnation: Incarnation;
      readonly sequence: number;
      readonly results: readonly CommandResult[];
    }
  /**
   * A message for the connected clean sessions of every home. Store id, incarnation, sequence and position of
   * the command identify the publish. For a will they are null and 0.
   */
  | {
      readonly kind: 'published';
      readonly message: Message;
      readonly member: MemberId | null;
      readonly storeId: StoreId | null;
      readonly incarnation: Incarnation;
      readonly sequence: number;
      readonly command: number;
    }
  /** The session's queue or QoS 2 window changed, so its home may have something to send. */
  | { readonly kind: 'queued'; readonly client: ClientId }
  /**
   * QoS 2 exchanges advanced. The home sends PUBREL (`outgoingReceived`) or frees the packet ids
   * (`outgoingCompleted`).
   */
  | {
      readonly kind: 'outgoingReceived' | 'outgoingCompleted';
      readonly client: ClientId;
      readonly packetIds: readonly number[];
    }
  /** The connection of this epoch ended. Its home must close it if it is still open. */
  | {
      readonly kind: 'connectionEnded';
      readonly client: ClientId;
      readonly epoch: Epoch;
      readonly home: MemberId;
      readonly incarnation: Incarnation;
      readonly reason: 'takenOver' | 'homeLost' | 'closed' | 'notAuthorized';
    }
  /**
   * The end of the connection that the client's current connection has taken over is reported: its will was
   * published or discarded. `sessionEnded`: the session had ended with it, so the current one is a new session.
   */
  | { readonly kind: 'takeoverSettled'; readonly client: ClientId; readonly sessionEnded?: true }
  /** `expired`: the session ended because its Session Expiry Interval had passed since its connection ended. */
  | { readonly kind: 'sessionEnded'; readonly client: ClientId; readonly expired?: true }
  | { readonly kind: 'accessChanged'; readonly version: number }
  | { readonly kind: 'willFired'; readonly client: ClientId; readonly byHome: boolean }
  | { readonly kind: 'dropped'; readonly reason: DropReason; readonly count: number }
  | { readonly kind: 'alarm'; readonly text: string };

/** One item of a session's queue. Items are in the order of the log. */
export interface QueueItem {
  /**
   * Number of the item. Increases by one for each item of the session and is never reused within the session.
   */
  readonly number: number;
  /** Read from its page if it is not in memory. */
  readonly message: Message;
  /** Cluster time in ms at which the message expires, or Infinity. In memory also if the message is not. */
  readonly expiresAt: number;
  /** The lower of the message's QoS and the granted QoS. */
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers?: readonly number[];
  /** Packet id of a QoS 2 item that is in the window: 32768 to 65535. Otherwise 0. */
  readonly packetId: number;
  /** QoS 2: the PUBREC of the client is applied, so the home must send PUBREL. */
  readonly received: boolean;
  /**
   * The shared filter that the item came from. If this session closes, another session of the filter gets the
   * item.
   */
  readonly group?: string;
  /**
   * The publish command of the message. With this origin a home recognises the messages that it delivered
   * early while it was isolated.
   */
  readonly origin?: Origin | undefined;
}

/** A read-only view of a session. */
export interface SessionView {
  readonly client: ClientId;
  readonly epoch: Epoch;
  /** The home of the session. Null while no client is connected. */
  readonly home: {
    readonly member: MemberId;
    readonly storeId: StoreId;
    readonly incarnation: Incarnation;
  } | null;
  /** False also while the cluster waits for the client after its home has restarted. */
  readonly connected: boolean;
  /** True when the session ends with its connection (expiry 0). */
  readonly clean: boolean;
  readonly expirySeconds: number;
  readonly receiveMaximum: number;
  /** The user that the session belongs to. Null: the first user that opens the session becomes its owner. */
  readonly owner: string | null;
  /** The user of the current connection, or of the last one while no client is connected. */
  readonly access: ConnectionAccess | null;
  readonly will: Will | null;
  /**
   * The connection that the current connection has taken over, while the report about its end is missing.
   */
  readonly takenOver: {
    readonly epoch: Epoch;
    readonly home: {
      readonly member: MemberId;
      readonly storeId: StoreId;
      readonly incarnation: Incarnation;
    };
  } | null;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** Returns all items of the queue, in the order of their numbers. */
  queue(): Iterable<QueueItem>;
  /** Returns the items of the queue whose number is at least `from`. */
  queueFrom(from: number): Iterable<QueueItem>;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /**
   * Number of the messages that entries have dropped from this session's queue, or for it, since this process has the
   * session. Not replicated: the members can have different numbers.
   */
  readonly dropped: number;
  /** Returns whether the client has published this QoS 2 packet id and not yet released it with PUBREL. */
  hasIncoming(packetId: number): boolean;
  /** A former home may have sent the items of the queue below this number. */
  readonly sentBelow?: number;
  /** True while retained messages of a subscription wait to be queued. */
  readonly retainedPending: boolean;
}

/** A session and one of its replicated subscriptions. */
export interface Subscriber {
  readonly session: SessionView;
  readonly subscription: Subscription;
}

/** The session that a shared subscription chose for a message. */
export interface SharedSubscriber {
  /** The whole filter, `$share/ShareName/filter`. */
  readonly filter: string;
  readonly session: SessionView;
}

export interface RetainedMessage {
  readonly message: Message;
  /** Index of the log entry that set the retained message. */
  readonly index: LogIndex;
}

/** Totals of the replicated state for the metrics. */
export interface MqttStateCounts {
  readonly sessions: number;
  readonly connected: number;
  readonly subscriptions: number;
  readonly retained: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /** Bytes of memory of all queues, with properties and overhead. */
  readonly queueMemory: number;
  readonly retainedBytes: number;
  readonly subscriptionBytes: number;
  readonly willBytes: number;
}

/** What one step of an encoding may write. */
export interface StepBounds {
  /** Items of queues, and pieces of the rest. */
  readonly values: number;
  /** Bytes after which the step ends. Its last value may exceed them. Messages on pages do not count. */
  readonly bytes: number;
}

/** The encoding of a state at one index, in steps, while the state changes. */
export interface StateEncoding {
  /** Encodes the next values. @returns the encoded state when it is complete, otherwise null */
  advance(bounds: StepBounds): EncodedState | null;
  /** Encodes the rest in one step. */
  finish(): EncodedState;
  /** Gives the encoding up, and lets go of the pages. */
  discard(): void;
}

/**
 * The replicated state. `apply` is deterministic: the same entries lead to the same bytes of `encode()`.
 */
export interface MqttState {
  /**
   * Applies one log entry: first runs all timers that are due at `timeMs` (wills, session expiry, orphans),
   * then applies the batch. Without a batch (null) only the time advances. If `timeMs` is below the state's
   * cluster time, the cluster time stays unchanged. Bytes that are not a batch change nothing and raise an
   * alarm.
   * @throws MessagePageError this member cannot read a queued message again
   */
  apply(index: LogIndex, timeMs: number, batch: Uint8Array | null): readonly StateEffect[];
  /** Applies a change of the cluster's members. The connections of removed members end. */
  applyConfig(index: LogIndex, config: ClusterConfig): readonly StateEffect[];
  /**
   * Returns the whole replicated state as canonical bytes: a snapshot. It encodes all messages, also those on pages, in
   * this one call, so only for small states.
   */
  encode(): Uint8Array;
  /**
   * Begins to encode the state as it is now, as the bytes of `encode()` in pieces. Further steps follow while the state
   * changes. It copies no large payload and reads no page. This call encodes all sessions and retained messages, and copies
   * some numbers of each item of a queue. The caller must take all steps and then all pieces, or discard them.
   */
  beginEncoding(): StateEncoding;
  /**
   * Returns the digest of the replicated state, or of one of several parts of it, as 16 hex digits. Only messages and
   * queues that changed since the last call are hashed again. The parts divide sessions, queued messages, retained messages,
   * tombstones and shared subscriptions by their positions, so a value can change its part when others come or go.
   */
  digest(part?: Part): string;
  readonly index: LogIndex;
  /** Cluster time, ms. */
  readonly timeMs: number;
  readonly settings: ClusterSettings;
  readonly semantics: number;
  /** The users and rules of the cluster. The object does not change; a change makes a new object. */
  readonly access: AccessTable;
  /** Returns whether a bound would refuse the will of a client if its `open` were applied now. */
  willExceedsBounds(client: ClientId, will: Will, user: string | null): boolean;
  /** Returns whether a bound would refuse the retained message if its `publish` were applied now. */
  retainedExceedsBounds(message: Message): boolean;
  /** Returns whether a bound would refuse the subscription of a session if its `subscribe` were applied now. */
  filterExceedsBounds(client: ClientId, subscription: Subscription): boolean;
  /**
   * Returns the cluster time in ms at which the next timer is due or the next message expires, or null.
   */
  nextDeadline(): number | null;
  session(client: ClientId): SessionView | undefined;
  /**
   * Visits the sessions whose client ids follow `after`, in the order of UTF-16 code units, until `visit` returns
   * false. The state must not change meanwhile.
   */
  visitSessions(after: ClientId | null, visit: (session: SessionView) => boolean): void;
  /** Returns all replicated subscriptions that match a topic, and those of matching shared subscriptions. */
  subscribers(topic: string): Iterable<Subscriber>;
  /** Returns all replicated subscriptions with exactly this filter, which may be shared. */
  subscribersWithFilter(filter: string): Iterable<Subscriber>;
  /**
   * Returns the receivers of a QoS 0 message at shared subscriptions: one connected session for each matching
   * shared filter. QoS 0 messages are not in the log.
   * @param round a counter of the caller, which makes the choice round-robin
   */
  sharedSubscribers(topic: string, round: number): readonly SharedSubscriber[];
  /** Returns the connected sessions whose home is the member, in the order of their epochs. */
  connectedSessions(member: MemberId): Iterable<SessionView>;
  /**
   * Returns the matching retained messages that have not expired at `timeMs`, by default the state's time.
   * Topics that start with `$` match only filters that start with `$` [MQTT-4.7.2-1].
   */
  retained(filter: string, timeMs?: number): Iterable<RetainedMessage>;
  /**
   * Visits the messages of `retained(filter, timeMs)` whose topics follow the topic `after`, in the order of `compareTopics`,
   * until `visit` returns false or the budget is exhausted.
   * @returns the topic after which the visit has to continue because the budget is exhausted; otherwise null
   */
  visitRetained(
    filter: string,
    after: string | null,
    timeMs: number,
    visit: (retained: RetainedMessage) => boolean,
    budget?: VisitBudget,
  ): string | null;
  /** Returns the incarnation and sequence number of the last applied batch of a member. */
  proposer(
    member: MemberId,
  ): { readonly storeId: StoreId; readonly incarnation: Incarnation; readonly sequence: number } | undefined;
  counts(): MqttStateCounts;
}

/** Returns an empty state. @param cache null or absent: all queued messages stay in memory */
export type CreateMqttState = (cache?: BodyCache | null) => MqttState;
/** Decodes the bytes of `encode`. @throws FrameError the bytes are not a state of a known format */
export type DecodeMqttState = (bytes: Uint8Array, cache?: BodyCache | null) => MqttState;
