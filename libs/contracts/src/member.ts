import type { AdminAction, AdminOutcome } from './administration.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { ClusterSettings, SettingsChange } from './cluster-settings.ts';
import type { ClientId, ConnectionId, Incarnation, LogIndex, MemberId } from './ids.ts';
import type { Message, MessageProperties, QoS, Subscription, Will } from './message.ts';
import type { PeerMessage, Channel } from './peer-message.ts';
import type { Snapshot } from './log.ts';
import type { StoreWrite } from './store.ts';

/**
 * One member of the cluster without its disk, network and clock: inputs go in by the methods, outputs are taken
 * with {@link Member.take}. Same inputs, same outputs. `libs/member` implements it; the broker, the appliance
 * and the simulator drive it.
 *
 * All times are milliseconds of a monotonic clock that the caller chooses; every input must be preceded by a
 * `tick` of the same turn when time has passed.
 */
export interface Member {
  /**
   * Lets time pass. First of all in every turn of the event loop, and every 10 ms while an election may be due;
   * how coarse it is otherwise is how late time-outs are.
   */
  tick(nowMs: number): void;

  // ---- peers ----
  receive(from: MemberId, message: PeerMessage): void;
  /** `refused`: the host answers but nobody listens, so the peer's process is dead; `down`: silence. */
  link(peer: MemberId, state: LinkState): void;

  // ---- disk ----
  /** The write of this token, and all earlier ones, are on the disk. */
  written(token: number): void;
  /** The disk is full: the write of this token was not carried out (nor will be); it is to be written again. */
  writeRefused(token: number): void;

  // ---- clients ----
  /**
   * Handles one input of one client connection. The caller numbers the connections, and passes the packets of one
   * connection in the order in which they arrived.
   */
  input(connection: ConnectionId, input: ClientInput): void;
  /**
   * Publishes a message of the member itself (`$SYS`) with QoS 0 to the clients of this member only. The member keeps a
   * retained one in memory and does not replicate it.
   */
  publishLocal(message: Message): void;

  // ---- operators ----
  /** No new clients; leadership goes elsewhere; connections are closed at `perSecond`; `drained` in the status when done. */
  drain(perSecond: number): void;
  /** Takes clients again after a drain that was not followed by the end of the process. */
  undrain(): void;
  /** How busy this member is, 0 idle to 1 overloaded: told to its peers, who tell their clients. */
  setLoad(load: number): void;
  /**
   * Once a second: how late this process comes to its work and how long its peers' answers take, together, ms. Raises the
   * election time-outs within a bound (design, section 8).
   */
  setLatency(latencyMs: number): void;
  /**
   * Asks the cluster's leader, whoever that is; the outcome comes as an `adminAnswer` event with the same number, at the
   * latest a few seconds later.
   */
  administer(request: number, action: AdminAction): void;
  changeSettings(settings: SettingsChange): void;
  /** An operator's word that this empty member may found a cluster with the stores it knows of. */
  bootstrap(): void;

  /** Closes the turn: forms batches, advances consensus, and hands over everything to be done, in order. */
  take(): MemberOutput;
  status(): MemberStatus;
  /** What stands in the log for all members, as of the last entry applied here. */
  settings(): ClusterSettings;
  /** The whole replicated state as applied here; null before this member belongs to a cluster. Costs a copy of it. */
  snapshot(): Snapshot | null;
}

export type LinkState = 'up' | 'down' | 'refused';

/** What happens on one client connection, for {@link Member.input}. Mirrors {@link ClientEffect}. */
export type ClientInput =
  | { readonly kind: 'connect'; readonly request: ConnectRequest }
  /** The connection is closed; the member has no further effect for it. */
  | ({ readonly kind: 'disconnect' } & Disconnection)
  | {
      readonly kind: 'subscribe';
      readonly packetId: number;
      readonly subscriptions: readonly Subscription[];
    }
  | { readonly kind: 'unsubscribe'; readonly packetId: number; readonly filters: readonly string[] }
  | { readonly kind: 'publish'; readonly request: PublishRequest }
  | { readonly kind: 'pubrel'; readonly packetId: number }
  | { readonly kind: 'puback'; readonly packetId: number }
  | { readonly kind: 'pubcomp'; readonly packetId: number }
  /** `refused`: the PUBREC has a reason code of 0x80 or more and ends the exchange (MQTT 5, 4.3.3). */
  | { readonly kind: 'pubrec'; readonly packetId: number; readonly refused?: boolean }
  /** False while the client's socket is full: QoS 0 messages are dropped, QoS 1 and 2 messages wait in their queue. */
  | { readonly kind: 'writable'; readonly writable: boolean };

/** How a client connection ended. */
export interface Disconnection {
  /** The client sent DISCONNECT with a reason that discards its will [MQTT-3.14.4-3]. */
  readonly graceful: boolean;
  /** The new session expiry of an MQTT 5 DISCONNECT; absent where the one of CONNECT stays (MQTT 5, 3.14.2.2.2). */
  readonly sessionExpirySeconds?: number;
}

export interface ConnectRequest {
  readonly client: ClientId;
  readonly clean: boolean;
  readonly sessionExpirySeconds: number;
  /** MQTT 5 Receive Maximum or 65535; the member bounds it by its own maximum. */
  readonly receiveMaximum: number;
  readonly will?: Will;
}

export interface PublishRequest {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  /** QoS 1 and 2. */
  readonly packetId?: number;
  readonly properties?: MessageProperties;
}

export interface MemberOutput {
  /** At most one per turn; tokens rise by one. */
  readonly write: { readonly token: number; readonly change: StoreWrite } | null;
  readonly send: readonly Outgoing[];
  readonly effects: readonly ClientEffect[];
  readonly events: readonly MemberEvent[];
  /** Carrying this out made new work: another turn should follow at once, without waiting for an input. */
  readonly more: boolean;
}

export interface Outgoing {
  readonly to: MemberId;
  readonly channel: Channel;
  readonly message: PeerMessage;
}

/** Why a client is refused or cut off. The broker translates it to CONNACK and DISCONNECT codes of 3.1.1 and 5. */
export type RefusalReason =
  | 'notServing'
  | 'isolated'
  | 'draining'
  | 'quotaExceeded'
  | 'takenOver'
  | 'homeLost'
  | 'snapshotInstalled'
  | 'protocolError';

/** What a client hears. Each leaves only when its promise holds (design, P1). */
export type ClientEffect =
  | { readonly kind: 'connack'; readonly connection: ConnectionId; readonly sessionPresent: boolean }
  | { readonly kind: 'refuse'; readonly connection: ConnectionId; readonly reason: RefusalReason }
  | { readonly kind: 'close'; readonly connection: ConnectionId; readonly reason: RefusalReason }
  | {
      readonly kind: 'suback';
      readonly connection: ConnectionId;
      readonly packetId: number;
      /** One per filter, in their order: the granted QoS, or 0x80 for a refusal. */
      readonly codes: readonly number[];
    }
  | {
      readonly kind: 'unsuback';
      readonly connection: ConnectionId;
      readonly packetId: number;
      /** One per filter: whether there was such a subscription. */
      readonly existed: readonly boolean[];
    }
  | {
      readonly kind: 'puback' | 'pubrec';
      readonly connection: ConnectionId;
      readonly packetId: number;
      readonly result: 'ok' | 'quotaExceeded';
      /** Acknowledged without a majority, from this member's own disk. */
      readonly degraded?: true;
    }
  | { readonly kind: 'pubcomp' | 'pubrel'; readonly connection: ConnectionId; readonly packetId: number }
  | DeliverEffect;

export interface DeliverEffect {
  readonly kind: 'deliver';
  readonly connection: ConnectionId;
  readonly message: Message;
  /** After the subscription's maximum [MQTT-3.8.4-6]. */
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** 0 for QoS 0. */
  readonly packetId: number;
  readonly subscriptionIdentifiers?: readonly number[];
  /** What is left of the message's lifetime, seconds [MQTT-3.3.2-6]. */
  readonly expirySeconds?: number;
}

/** For the log, `$SYS` and metrics. */
export type MemberEvent =
  | { readonly kind: 'state'; readonly state: ServingState; readonly reason: string }
  | { readonly kind: 'leader'; readonly leader: MemberId | null; readonly term: number }
  | { readonly kind: 'takeover'; readonly client: ClientId }
  | { readonly kind: 'sessionOpened'; readonly client: ClientId }
  | ({ readonly kind: 'sessionEnded'; readonly client: ClientId } & CountedOnce)
  | ({ readonly kind: 'willFired'; readonly client: ClientId; readonly byHome: boolean } & CountedOnce)
  | ({ readonly kind: 'dropped'; readonly reason: DropReason; readonly count: number } & CountedOnce)
  | { readonly kind: 'degradedAcks'; readonly count: number }
  | {
      readonly kind: 'snapshot';
      readonly action: 'taken' | 'sent' | 'installed';
      readonly index: LogIndex;
      readonly bytes: number;
    }
  | { readonly kind: 'digestDiffers'; readonly index: LogIndex; readonly members: readonly MemberId[] }
  /**
   * A majority of the voters holds one same state at this index, and this member another: its store is to be replaced by an
   * empty one, after it has handed over what it leads and serves (drain).
   */
  | { readonly kind: 'storeUnfit'; readonly index: LogIndex }
  /** Another process, with another store, speaks as this member, which is there. */
  | { readonly kind: 'duplicateMemberId'; readonly member: MemberId; readonly storeId: string }
  | { readonly kind: 'configChanged'; readonly config: ClusterConfig }
  | { readonly kind: 'adminAnswer'; readonly request: number; readonly outcome: AdminOutcome }
  | { readonly kind: 'alarm'; readonly text: string };

/** Every member sees what an entry of the log brings: the one whose entry it was counts it for all. */
export interface CountedOnce {
  readonly counts: boolean;
}

export type DropReason =
  'queueFull' | 'slowSubscriber' | 'slowBridge' | 'expired' | 'noMajority' | 'sessionLimit' | 'outboxFull';

export type ServingState = 'joining' | 'serving' | 'draining' | 'isolated';

export interface MemberStatus {
  readonly id: MemberId;
  readonly state: ServingState;
  /** In one clear sentence why the state is not `serving`; empty when it is. */
  readonly reason: string;
  readonly role: 'leader' | 'follower' | 'candidate' | 'learner' | 'none';
  readonly leader: MemberId | null;
  readonly term: number;
  readonly lastIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly snapshotIndex: LogIndex;
  readonly logBytes: number;
  /** Leader only: how many entries each peer lacks. */
  readonly lag: Readonly<Record<MemberId, number>>;
  readonly links: Readonly<Record<MemberId, LinkState>>;
  readonly config: ClusterConfig | null;
  /** What stands in the log, the cluster's bounds among it. */
  readonly settings: ClusterSettings;
  readonly bounds: { readonly logBytesMax: number; readonly outboxBytesMax: number };
  readonly incarnation: Incarnation;
  readonly elections: number;
  readonly connections: number;
  readonly sessions: number;
  readonly subscriptions: number;
  readonly retained: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly inFlight: number;
  /** Of this member's connected clients, but for shared ones. */
  readonly homeSubscriptions: number;
  /** Waiting for room in the windows of this member's clean sessions. */
  readonly homeQueuedMessages: number;
  readonly outboxItems: number;
  readonly outboxBytes: number;
  readonly pendingCommands: number;
  /** Of the last common index that was compared, and whether all agreed. */
  readonly digest: { readonly index: LogIndex; readonly value: string } | null;
  readonly digestsAgree: boolean;
  readonly drained: boolean;
  /** Other members' states as they last told. */
  readonly peers: Readonly<Record<MemberId, PeerSummary>>;
}

export interface PeerSummary {
  readonly state: ServingState;
  readonly clients: number;
  /** 0 idle to 1 overloaded. */
  readonly load: number;
  readonly appliedIndex: LogIndex;
  /** For clients: where the peer serves them. */
  readonly urls: readonly string[];
  /** Batches acked on its own disk only; absent where the peer does not tell. */
  readonly outboxItems?: number;
}
