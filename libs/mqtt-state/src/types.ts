import type {
  ClientId,
  ClusterConfig,
  ClusterSettings,
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

/** What one command of a batch came to. The home turns it into the client's answer. */
export type CommandResult =
  | { readonly kind: 'opened'; readonly epoch: Epoch; readonly sessionPresent: boolean }
  | { readonly kind: 'refused'; readonly reason: 'quotaExceeded' | 'elsewhere' }
  | {
      readonly kind: 'subscribed';
      readonly codes: readonly number[];
      readonly isNew: readonly boolean[];
      /** Per filter, whether its retained messages of QoS 1 and 2 are in the session's queue now. */
      readonly retainedQueued: readonly boolean[];
    }
  | { readonly kind: 'unsubscribed'; readonly existed: readonly boolean[] }
  /** `repeat`: a QoS 2 packet id that is already stored; answered as if applied. */
  | { readonly kind: 'published'; readonly outcome: 'applied' | 'repeat' | 'quotaExceeded' }
  | { readonly kind: 'done' }
  /** The epoch is not the client's current one: nothing was changed and the connection must be closed. */
  | { readonly kind: 'void' };

export type StateEffect =
  /** A batch was applied (not for repeats and holes). Precedes nothing: comes after the effects of its commands. */
  | {
      readonly kind: 'batchApplied';
      readonly member: MemberId;
      readonly storeId: StoreId;
      readonly incarnation: Incarnation;
      readonly sequence: number;
      readonly results: readonly CommandResult[];
    }
  /** For the homes' connected clean sessions. `command` and, for a recovered one, `recovered` tell which it was. */
  | {
      readonly kind: 'published';
      readonly message: Message;
      readonly member: MemberId | null;
      readonly storeId: StoreId | null;
      readonly incarnation: Incarnation;
      readonly sequence: number;
      readonly command: number;
    }
  /** The session's queue or QoS 2 state changed: its home has something to send, or may. */
  | { readonly kind: 'queued'; readonly client: ClientId }
  /** Which QoS 2 exchanges advanced: the home sends PUBREL, or forgets the id. */
  | {
      readonly kind: 'outgoingReceived' | 'outgoingCompleted';
      readonly client: ClientId;
      readonly packetIds: readonly number[];
    }
  /** The connection of that epoch no longer counts. */
  | {
      readonly kind: 'connectionEnded';
      readonly client: ClientId;
      readonly epoch: Epoch;
      readonly home: MemberId;
      readonly incarnation: Incarnation;
      readonly reason: 'takenOver' | 'homeLost' | 'closed';
    }
  | { readonly kind: 'sessionEnded'; readonly client: ClientId }
  | { readonly kind: 'willFired'; readonly client: ClientId; readonly byHome: boolean }
  | { readonly kind: 'dropped'; readonly reason: DropReason; readonly count: number }
  | { readonly kind: 'alarm'; readonly text: string };

/** An item of a session's queue, in the order of the log. */
export interface QueueItem {
  /** Rises by one per session; never reused within it. */
  readonly number: number;
  readonly message: Message;
  /** After the subscription's maximum: 1 or 2. */
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers?: readonly number[];
  /** QoS 2 once the window had room: 32768 to 65535. 0: none yet. */
  readonly packetId: number;
  /** QoS 2: PUBREC has come (applied); PUBREL is due. */
  readonly received: boolean;
  /** Of a shared subscription's group: chosen again for another member when this one closes. */
  readonly group?: string;
  /** Which publish made it, so that a home can tell what it delivered early without a majority. */
  readonly origin?: {
    readonly storeId: StoreId;
    readonly incarnation: Incarnation;
    readonly sequence: number;
    readonly command: number;
  };
}

/** Read-only view of a session, for its home. */
export interface SessionView {
  readonly client: ClientId;
  readonly epoch: Epoch;
  /** Null while nobody is connected. */
  readonly home: { readonly member: MemberId; readonly incarnation: Incarnation } | null;
  /** Ends with its connection (expiry 0). */
  readonly clean: boolean;
  readonly expirySeconds: number;
  readonly receiveMaximum: number;
  readonly will: Will | null;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** In item order. */
  queue(): Iterable<QueueItem>;
  /** From the first item whose number is at least `from`. */
  queueFrom(from: number): Iterable<QueueItem>;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /** Inbound QoS 2 packet ids not yet released. */
  hasIncoming(packetId: number): boolean;
  /** Items below this number were queued while a client was connected: they may have been sent already. */
  readonly sentBelow?: number;
}

export interface RetainedMessage {
  readonly message: Message;
  /** The entry that set it. */
  readonly index: LogIndex;
}

export interface MqttStateCounts {
  readonly sessions: number;
  readonly connected: number;
  readonly subscriptions: number;
  readonly retained: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
}

/** The replicated state. `apply` is total and deterministic: same entries, same bytes of `encode()`. */
export interface MqttState {
  /**
   * First runs all timers due at `timeMs` (wills, session ends, orphans), then the batch (null: only time).
   * A stamp below the state's own time counts as that. Bytes that are no batch are a no-op and an alarm.
   */
  apply(index: LogIndex, timeMs: number, batch: Uint8Array | null): readonly StateEffect[];
  /** The cluster's members changed at this index. Forgets proposers and homes that are none any more. */
  applyConfig(index: LogIndex, config: ClusterConfig): readonly StateEffect[];
  /** Canonical bytes of everything replicated. */
  encode(): Uint8Array;
  /** 16 hex digits that stand for `encode()`; cost what has changed since the last call. */
  digest(): string;
  readonly index: LogIndex;
  /** Cluster time, ms. */
  readonly timeMs: number;
  readonly settings: ClusterSettings;
  readonly semantics: number;
  /** When the next timer is due (cluster time, ms), or null. */
  nextDeadline(): number | null;
  session(client: ClientId): SessionView | undefined;
  /**
   * For a QoS 0 message, which is in no log: one connected session of each group that shares a matching subscription. `turn` is the
   * caller's own count, so that members of a group take turns.
   */
  sharedSubscribers(topic: string, round: number): readonly SessionView[];
  /** Connected sessions by home. */
  connectedSessions(member: MemberId): Iterable<SessionView>;
  /** Retained messages that match; `$` topics only for filters that start with `$` [MQTT-4.7.2-1]. Expired ones left out. */
  retained(filter: string): Iterable<RetainedMessage>;
  /** What has been applied of a member's batches. */
  proposer(
    member: MemberId,
  ): { readonly storeId: StoreId; readonly incarnation: Incarnation; readonly sequence: number } | undefined;
  counts(): MqttStateCounts;
}

/** `createMqttState()` is empty; `decodeMqttState(bytes)` is the inverse of `encode`. */
export type CreateMqttState = () => MqttState;
export type DecodeMqttState = (bytes: Uint8Array) => MqttState;
