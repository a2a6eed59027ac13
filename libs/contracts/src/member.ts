import type { AccessChange, AccessTable, ConnectionAccess, Revocation, WillOwner } from './access.ts';
import type { AdminAction, AdminOutcome } from './administration.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { ClusterSettings, SettingsChange } from './cluster-settings.ts';
import type { ClientId, ConnectionId, Epoch, Incarnation, LogIndex, MemberId } from './ids.ts';
import type { Message, MessageProperties, QoS, Subscription, Will } from './message.ts';
import type { PeerMessage, Channel } from './peer-message.ts';
import type { UnfinishedSnapshot } from './log.ts';
import type { StateView } from './state-view.ts';
import type { StoreWrite } from './store.ts';

/**
 * One member of the cluster as a pure state machine, without disk, network and clock. The caller passes
 * inputs through the methods and takes the outputs with {@link Member.take}. The same inputs give the same
 * outputs. `libs/member` implements this interface; the broker, the appliance and the simulator drive it.
 *
 * All times are milliseconds of a monotonic clock that the caller chooses. When time has passed, the caller
 * must call `tick` before the first input of the turn.
 */
export interface Member {
  /**
   * Advances the clock. The caller calls it first in every turn of the event loop, and every 10 ms while an
   * election may be due. At other times the interval may be longer, but all timeouts are then late by up to
   * that interval.
   */
  tick(nowMs: number): void;
  /**
   * Returns when a member without clients and messages needs its next tick, on the clock of `tick`: for a round of
   * heartbeats, an election, or a timer of the replicated state that the leader runs. The time may have passed.
   */
  nextTickMs(): number;
  /** Returns the index of the newest entry that this member knows to be committed. */
  commitIndex(): LogIndex;

  // ---- peers ----
  receive(from: MemberId, message: PeerMessage): void;
  /** Reports a change of the link to a peer. */
  link(peer: MemberId, state: LinkState): void;

  // ---- disk ----
  /** Reports that the write with this token is on the disk. Writes complete in the order of their tokens. */
  written(token: number): void;
  /**
   * Reports that the store rejected the write with this token because the disk is full. The member writes the
   * content again.
   */
  writeRefused(token: number): void;

  // ---- clients ----
  /**
   * Handles one input of one client connection. The caller numbers the connections, and passes the packets of
   * one connection in the order in which they arrived.
   */
  input(connection: ConnectionId, input: ClientInput): void;
  /**
   * Publishes a message of the member itself (`$SYS`) with QoS 0 to the clients of this member only. The
   * member keeps a retained message in memory and does not replicate it.
   */
  publishLocal(message: Message): void;

  // ---- operators ----
  /**
   * Starts to drain: the member rejects new clients, transfers leadership and closes `perSecond` connections
   * a second. The status reports `drained` when the drain is complete.
   */
  drain(perSecond: number): void;
  /** Ends a drain: the member accepts clients again. */
  undrain(): void;
  /**
   * Sets the load of this member, 0 (idle) to 1 (overloaded). The member reports it to its peers, which
   * report it to clients.
   */
  setLoad(load: number): void;
  /**
   * Reports, once a second, the sum of the event loop delay and the round-trip time to the peers, ms. A high
   * latency raises the election timeouts within a bound (docs/DESIGN.md, "Elections and timing").
   */
  setLatency(latencyMs: number): void;
  /**
   * Sends an operator's request to the current leader. The member emits the outcome as an `adminAnswer` event
   * with the same request number, a few seconds later at most.
   */
  administer(request: number, action: AdminAction): void;
  /** Proposes new cluster settings. They are in force when {@link Member.settings} returns them. */
  changeSettings(settings: SettingsChange): void;
  /**
   * Proposes a change of the users and rules of the cluster. The member emits the outcome as an `adminAnswer`
   * event with the same request number. An accepted change is then in force at this member, so a new user can
   * connect to it at once. A change that exceeds a batch is applied in several parts.
   */
  changeAccess(request: number, change: AccessChange): void;
  /**
   * Proposes to end the connections of a user and to discard the wills that wait. The member emits the outcome
   * as an `adminAnswer` event with the same request number.
   */
  revoke(request: number, revocation: Revocation): void;
  /**
   * Discards the wills that users may no longer publish for a reason outside of the log, such as a changed password file.
   * Only wills that are set now, and only of clients that are not connected to a reachable member: the home of a
   * connected client closes its connection itself. `isLost` is called during this call only.
   */
  discardWills(isLost: (owner: WillOwner) => boolean): void;
  /**
   * Returns the users and rules of the cluster as of the last entry that this member applied. The object does
   * not change; a change of users or rules makes a new object.
   */
  access(): AccessTable;
  /**
   * Allows this member to bootstrap a cluster although some configured members are missing. The members with
   * fresh stores that have sent a hello message to this member form the cluster with it.
   */
  bootstrap(): void;

  /**
   * Ends the turn: forms batches, advances consensus and returns the outputs in the order in which the caller
   * must carry them out.
   */
  take(): MemberOutput;
  status(): MemberStatus;
  /** Returns the view of this member's state. The view is the same object for the whole life of the member. */
  view(): StateView;
  /** Returns the cluster's settings as of the last entry that this member applied. */
  settings(): ClusterSettings;
  /**
   * Returns this member's estimate of cluster time, ms, for the clock record of its store. Returns null until
   * the member has led or followed a leader since its start.
   */
  clusterTimeMs(): number | null;
  /**
   * Begins a snapshot of the replicated state as this member has applied it now. Returns null before the member belongs to a
   * cluster. The caller takes the steps, in turns of the event loop of its own, until the snapshot is complete, or discards it.
   */
  beginSnapshot(): UnfinishedSnapshot | null;
}

/**
 * `refused`: the peer's host rejects connections, so the process of the peer is not running. `down`: the peer
 * does not answer.
 */
export type LinkState = 'up' | 'down' | 'refused';

/**
 * Filters that the session does not have yet and that the member refuses with 0x97. `replicated`: those that would enlarge
 * the replicated state; `all`: also those of clean sessions.
 */
export type RefusedFilters = 'replicated' | 'all';

/** What happens on one client connection, for {@link Member.input}. Mirrors {@link ClientEffect}. */
export type ClientInput =
  | { readonly kind: 'connect'; readonly request: ConnectRequest }
  /** The connection is closed. The member emits no further effect for it. */
  | ({ readonly kind: 'disconnect' } & Disconnection)
  | {
      readonly kind: 'subscribe';
      readonly packetId: number;
      readonly subscriptions: readonly Subscription[];
      /** Set while the process has too little memory; see {@link RefusedFilters}. */
      readonly refuses?: RefusedFilters;
    }
  | { readonly kind: 'unsubscribe'; readonly packetId: number; readonly filters: readonly string[] }
  | { readonly kind: 'publish'; readonly request: PublishRequest }
  | { readonly kind: 'pubrel'; readonly packetId: number }
  | { readonly kind: 'puback'; readonly packetId: number }
  | { readonly kind: 'pubcomp'; readonly packetId: number }
  /** `refused`: the PUBREC has a reason code of 0x80 or more and ends the exchange (MQTT 5, 4.3.3). */
  | { readonly kind: 'pubrec'; readonly packetId: number; readonly refused?: boolean }
  /**
   * False while the client's socket is full: QoS 0 messages are dropped, QoS 1 and 2 messages wait in their
   * queue.
   */
  | { readonly kind: 'writable'; readonly writable: boolean };

/** How a client connection ended. */
export interface Disconnection {
  /** True when the client sent a DISCONNECT that discards its will [MQTT-3.14.4-3]. */
  readonly graceful: boolean;
  /**
   * Session Expiry Interval of an MQTT 5 DISCONNECT. Without this field, the interval of CONNECT stays in
   * force (MQTT 5, 3.14.2.2.2).
   */
  readonly sessionExpirySeconds?: number;
}

export interface ConnectRequest {
  readonly client: ClientId;
  readonly clean: boolean;
  readonly sessionExpirySeconds: number;
  /** Receive Maximum of an MQTT 5 client, 65535 for others. The member lowers it to its own maximum. */
  readonly receiveMaximum: number;
  readonly will?: Will;
  /** The authenticated user of the connection. Absent when the broker authenticates no clients. */
  readonly access?: ConnectionAccess;
  /**
   * True if the client can receive the result `noSubscribers` (MQTT 5 reason code 0x10). The member does not look
   * for subscribers without it.
   */
  readonly reportsNoSubscribers?: boolean;
}

export interface PublishRequest {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Packet identifier. Present for QoS 1 and 2. */
  readonly packetId?: number;
  readonly properties?: MessageProperties;
}

export interface MemberOutput {
  /** At most one write per turn. Tokens rise by one. */
  readonly write: { readonly token: number; readonly change: StoreWrite } | null;
  readonly send: readonly Outgoing[];
  readonly effects: readonly ClientEffect[];
  readonly events: readonly MemberEvent[];
  /** True when the caller should run another turn at once, without waiting for an input. */
  readonly more: boolean;
}

export interface Outgoing {
  readonly to: MemberId;
  readonly channel: Channel;
  readonly message: PeerMessage;
}

/**
 * Why the member rejects or closes a client connection. The broker translates it to CONNACK and DISCONNECT
 * reason codes.
 */
export type RefusalReason =
  | 'notServing'
  | 'isolated'
  | 'draining'
  | 'quotaExceeded'
  | 'takenOver'
  | 'homeLost'
  | 'snapshotInstalled'
  | 'protocolError'
  | 'notAuthorized';

/**
 * The answer to a QoS 1 or QoS 2 publish. `noSubscribers`: the message is accepted, and no session of the cluster has
 * a matching subscription. The member reports it only to a client whose CONNECT asks for it
 * (`reportsNoSubscribers`), and only where it knows the subscriptions of all members.
 */
export type PublishResult = 'ok' | 'noSubscribers' | 'quotaExceeded';

/**
 * A packet for a client, or the end of its connection. The member emits an acknowledgement only when its
 * promise holds (P1).
 */
export type ClientEffect =
  | {
      readonly kind: 'connack';
      readonly connection: ConnectionId;
      readonly sessionPresent: boolean;
      /** The epoch of the connection; 0 if an isolated member serves the client, so that no session is open yet. */
      readonly epoch: Epoch;
      /**
       * The granted Session Expiry Interval, seconds. Present if it differs from the requested one (MQTT 5,
       * 3.2.2.3.2).
       */
      readonly sessionExpirySeconds?: number;
    }
  | { readonly kind: 'refuse'; readonly connection: ConnectionId; readonly reason: RefusalReason }
  | { readonly kind: 'close'; readonly connection: ConnectionId; readonly reason: RefusalReason }
  | {
      readonly kind: 'suback';
      readonly connection: ConnectionId;
      readonly packetId: number;
      /** One code per filter, in the order of the packet: the granted QoS, or 0x80 for a rejected filter. */
      readonly codes: readonly number[];
    }
  | {
      readonly kind: 'unsuback';
      readonly connection: ConnectionId;
      readonly packetId: number;
      /** One item per filter: true if the session had this subscription. */
      readonly existed: readonly boolean[];
    }
  | {
      readonly kind: 'puback' | 'pubrec';
      readonly connection: ConnectionId;
      readonly packetId: number;
      readonly result: PublishResult;
      /** Degraded acknowledgement: the message is only on this member's own disk. */
      readonly degraded?: true;
    }
  | { readonly kind: 'pubcomp' | 'pubrel'; readonly connection: ConnectionId; readonly packetId: number }
  | DeliverEffect;

export interface DeliverEffect {
  readonly kind: 'deliver';
  readonly connection: ConnectionId;
  readonly message: Message;
  /** The lower of the message's QoS and the subscription's QoS [MQTT-3.8.4-6]. */
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Packet identifier; 0 for a QoS 0 message. */
  readonly packetId: number;
  readonly subscriptionIdentifiers?: readonly number[];
  /** Remaining Message Expiry Interval, seconds [MQTT-3.3.2-6]. */
  readonly expirySeconds?: number;
}

/** An event for the log file, `$SYS` topics and metrics. */
export type MemberEvent =
  | { readonly kind: 'state'; readonly state: ServingState; readonly reason: string }
  | { readonly kind: 'leader'; readonly leader: MemberId | null; readonly term: number }
  /** This member leads no longer. */
  | { readonly kind: 'steppedDown'; readonly term: number; readonly reason: string }
  /** This member leads, is unfit to lead, and asks another voter to lead if one is reachable. */
  | { readonly kind: 'leadershipTransfer'; readonly reason: string }
  | { readonly kind: 'takeover'; readonly client: ClientId }
  | { readonly kind: 'sessionOpened'; readonly client: ClientId }
  | ({ readonly kind: 'sessionEnded'; readonly client: ClientId; readonly expired: boolean } & AppliedEvent)
  | ({ readonly kind: 'willFired'; readonly client: ClientId; readonly byHome: boolean } & AppliedEvent)
  | ({ readonly kind: 'dropped'; readonly reason: DropReason; readonly count: number } & AppliedEvent)
  | { readonly kind: 'degradedAcks'; readonly count: number }
  /** The member has begun to encode a snapshot of the state at this index. Further turns go on with it. */
  | { readonly kind: 'snapshotBegun'; readonly index: LogIndex }
  | {
      readonly kind: 'snapshot';
      readonly action: 'taken' | 'sent' | 'installed';
      readonly index: LogIndex;
      readonly bytes: number;
    }
  | { readonly kind: 'digestDiffers'; readonly index: LogIndex; readonly members: readonly MemberId[] }
  /**
   * A majority of the voters has the same digest at this index, and this member has another digest. The
   * appliance must drain this member and replace its store by an empty one.
   */
  | { readonly kind: 'storeUnfit'; readonly index: LogIndex }
  /** Another process with another store uses the id of a member that is connected. */
  | { readonly kind: 'duplicateMemberId'; readonly member: MemberId; readonly storeId: string }
  | { readonly kind: 'configChanged'; readonly config: ClusterConfig }
  /** The users or rules of the cluster have changed, see {@link Member.access}. */
  | { readonly kind: 'accessChanged'; readonly version: number }
  | { readonly kind: 'adminAnswer'; readonly request: number; readonly outcome: AdminOutcome }
  | { readonly kind: 'alarm'; readonly text: string };

/**
 * An event that every member emits when it applies an entry. `counts` is true only on the member that
 * proposed the entry, so that the metrics of the cluster count the event once.
 */
export interface AppliedEvent {
  readonly counts: boolean;
}

/** Why a member dropped a message. */
export type DropReason =
  | 'queueFull'
  | 'queueShare'
  | 'retainedLimit'
  | 'slowSubscriber'
  | 'slowBridge'
  | 'expired'
  | 'noMajority'
  | 'sessionLimit'
  | 'outboxFull'
  | 'notAuthorized';

export type ServingState = 'joining' | 'serving' | 'draining' | 'isolated';

export interface MemberStatus {
  readonly id: MemberId;
  readonly state: ServingState;
  /** One sentence: why the state is not `serving`. Empty when the state is `serving`. */
  readonly reason: string;
  readonly role: 'leader' | 'follower' | 'candidate' | 'learner' | 'none';
  readonly leader: MemberId | null;
  readonly term: number;
  readonly lastIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly snapshotIndex: LogIndex;
  readonly logBytes: number;
  /**
   * Log entries that each peer lacks, as the leader measures them. Empty on all members except the leader.
   */
  readonly lag: Readonly<Record<MemberId, number>>;
  readonly links: Readonly<Record<MemberId, LinkState>>;
  readonly config: ClusterConfig | null;
  /** The cluster's settings as of the last entry applied. */
  readonly settings: ClusterSettings;
  readonly bounds: { readonly logBytesMax: number; readonly outboxBytesMax: number };
  readonly incarnation: Incarnation;
  /** The semantics version in force as of the last entry applied. */
  readonly semantics: number;
  readonly elections: number;
  readonly connections: number;
  readonly sessions: number;
  readonly subscriptions: number;
  readonly retained: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /** Memory of the replicated state with its bounds, bytes. */
  readonly stateBytes: Readonly<Record<'queues' | 'retained' | 'subscriptions' | 'wills', BoundedBytes>>;
  /** Memory of the state that only this member holds for its clients, with its bounds, bytes. */
  readonly homeBytes: Readonly<Record<'subscriptions' | 'queues', BoundedBytes>>;
  readonly inFlight: number;
  /** Subscriptions of this member's connected clients, without shared subscriptions. */
  readonly homeSubscriptions: number;
  /** Messages of this member's clean sessions that wait for room in the client's window. */
  readonly homeQueuedMessages: number;
  readonly outboxItems: number;
  readonly outboxBytes: number;
  readonly pendingCommands: number;
  /**
   * Publishes of this member's clients that wait for a majority, by QoS: no client has an acknowledgement of
   * them. Retained messages count for QoS 0. All 0 while the member is not isolated.
   */
  readonly heldPublishes: readonly [number, number, number];
  /** The newest digest of this member's state, or null before the first digest. */
  readonly digest: { readonly index: LogIndex; readonly value: string } | null;
  readonly digestsAgree: boolean;
  readonly drained: boolean;
  /** The states of the other members as of their last hello messages. */
  readonly peers: Readonly<Record<MemberId, PeerSummary>>;
}

/** Bytes in use, and their upper bound. */
export interface BoundedBytes {
  readonly bytes: number;
  readonly max: number;
}

/** State of a peer as of its last hello message. */
export interface PeerSummary {
  readonly state: ServingState;
  readonly clients: number;
  /** 0 (idle) to 1 (overloaded). */
  readonly load: number;
  readonly appliedIndex: LogIndex;
  /** URLs at which the peer accepts clients. */
  readonly urls: readonly string[];
  /**
   * Batches with degraded acknowledgements that only the peer's own disk holds. Absent when the peer runs an
   * older version.
   */
  readonly outboxItems?: number;
  /** Version of the questions that the peer answers. Absent when the peer runs an older version. */
  readonly api?: number;
}
