/**
 * The events of a run, the only input of the checker. A history is a file of JSON lines: the header, then the
 * events in the order in which the recording process saw them, then `end`. Times (`at`) are milliseconds
 * since the start of the run on one monotonic clock. Ids of connections and messages are numbers that are
 * unique in the run. The payload of a message begins with its id.
 */
export const historyFormat = 1;

export type QoS = 0 | 1 | 2;

export interface Header {
  readonly type: 'header';
  readonly format: typeof historyFormat;
  readonly seed: number;
  readonly scenario: string;
  /** `lab`, `brokers`, `mosquitto`, `nats` or `rabbitmq`. */
  readonly target: string;
  /** Names of the brokers. Every `server` in an event is one of these names. */
  readonly servers: readonly string[];
  /** Names of the brokers that a link connects with the cluster; absent without a link. `servers` has them too. */
  readonly remotes?: readonly string[];
  /** True if the brokers in `remotes` lose what they have not saved when they are killed. Absent: they lose nothing. */
  readonly remotesForget?: true;
  /** Time of the wall clock at the start of the run (ISO 8601), for human readers. */
  readonly startedAt: string;
  readonly limits: Limits;
}

/** Bounds that the checker applies to the target, in milliseconds unless a field states another unit. */
export interface Limits {
  /**
   * Longest time from the death of a client, or of its home, to the publication of its will, in addition to
   * the will delay (P6).
   */
  readonly willMsMax: number;
  /**
   * Longest time to the publication of the will of a client that closes its connection while its home serves;
   * {@link willMsMax} if absent (P6).
   */
  readonly willAtOnceMsMax?: number;
  /**
   * Whether a target without a fault always publishes the will of a client that connects again, as the
   * standard requires, and publishes none for a client that it has moved to another server. If absent or
   * false, one will or none is accepted (P6).
   */
  readonly willAtTakeover?: boolean;
  /**
   * Longest time from the newer CONNACK of a client id, or from the heal, to the end of the older connection
   * (P4).
   */
  readonly takeoverMsMax: number;
  /**
   * Whether the target may acknowledge a QoS 1 message without a majority (degraded acknowledgement), and
   * lose the message with the only disk that stores it.
   */
  readonly degradedAcks: boolean;
  /** Longest time from the end of a fault until all members serve together again; 10,000 if absent (P7). */
  readonly healMsMax?: number;
  /**
   * Longest time from the acknowledgement of a retained message until all servers send it; 2,000 if absent
   * (P5).
   */
  readonly retainedMsMax?: number;
  /**
   * Longest time from a request to its answer, and from an acknowledgement to the delivery, on a server
   * without a fault; 3,000 if absent (P7, P8).
   */
  readonly servedMsMax?: number;
  /**
   * Largest number of messages in the queue of an offline session; no bound if absent. The target may drop
   * the oldest messages of a longer queue (P1).
   */
  readonly queuedMessagesMax?: number;
}

export interface WillRecord {
  readonly message: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly delaySeconds: number;
}

/** A client sent CONNECT. */
export interface ConnectEvent {
  readonly type: 'connect';
  readonly at: number;
  readonly connection: number;
  readonly clientId: string;
  readonly server: string;
  readonly version: 4 | 5;
  /** Clean Session (MQTT 3.1.1) or Clean Start (MQTT 5). */
  readonly clean: boolean;
  /**
   * Session expiry in seconds; 0: the session ends with the connection, null: the session does not expire.
   */
  readonly expirySeconds: number | null;
  readonly will: WillRecord | null;
  /** Receive Maximum of an MQTT 5 client that acknowledges late; absent if the client acknowledges at once. */
  readonly receiveMaximum?: number;
}

/** A CONNACK that accepts the connection. */
export interface ConnectedEvent {
  readonly type: 'connected';
  readonly at: number;
  readonly connection: number;
  readonly sessionPresent: boolean;
}

/**
 * A connection, or an attempt to connect, ended.
 * `disconnect`: the client sent DISCONNECT, so the server publishes no will. `dropped`: the client closed the
 * connection without DISCONNECT. `server`: the server closed or rejected the connection, with a reason code
 * if it sent one. `lost`: the connection was reset or timed out, or the broker's host is unreachable.
 */
export interface ClosedEvent {
  readonly type: 'closed';
  readonly at: number;
  readonly connection: number;
  readonly how: 'disconnect' | 'dropped' | 'server' | 'lost';
  readonly code?: number;
}

/**
 * A client sent PUBLISH. Each resend is an event of its own with the same message id. An empty payload clears
 * a retained message.
 */
export interface PublishEvent {
  readonly type: 'publish';
  readonly at: number;
  readonly connection: number;
  readonly message: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /**
   * Whether the message clears its topic: it is retained, and its payload is empty and contains no message
   * id.
   */
  readonly clear: boolean;
  /** Message Expiry Interval in seconds; absent if the message does not expire. */
  readonly expirySeconds?: number;
}

/** A PUBACK, or a PUBREC for QoS 2. The broker has accepted responsibility for the message. */
export interface AckedEvent {
  readonly type: 'acked';
  readonly at: number;
  readonly connection: number;
  readonly message: number;
  /** Reason code: 0x80 and above reject the message [MQTT5 2.4]; 16 (no matching subscribers) accepts it. */
  readonly code: number;
}

/** The client received PUBCOMP for a QoS 2 message. */
export interface CompletedEvent {
  readonly type: 'completed';
  readonly at: number;
  readonly connection: number;
  readonly message: number;
  /**
   * Reason code. 0x92: the server does not have the packet identifier [MQTT5 3.7.2.1]. Absent or 0: success.
   */
  readonly code?: number;
}

/** A client sent SUBSCRIBE or UNSUBSCRIBE for one filter. */
export interface SubscribeEvent {
  readonly type: 'subscribe' | 'unsubscribe';
  readonly at: number;
  readonly connection: number;
  /** The topic filter; `$share/<group>/...` for a shared subscription. */
  readonly filter: string;
  readonly qos: QoS;
}

/** A SUBACK or UNSUBACK for one filter. */
export interface SubscribedEvent {
  readonly type: 'subscribed' | 'unsubscribed';
  readonly at: number;
  readonly connection: number;
  readonly filter: string;
  /** SUBACK: the granted QoS, or 0x80 and above for a rejection. */
  readonly code: number;
}

/**
 * The client delivered a message to its application. It delivers QoS 0 and 1 at each PUBLISH, and QoS 2 once
 * per packet id of its session, as method A of the receiver requires [MQTT5 4.3.3]. Message 0 stands for an
 * empty payload.
 */
export interface DeliveryEvent {
  readonly type: 'delivery';
  readonly at: number;
  readonly connection: number;
  readonly message: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Message Expiry Interval as the server sent it, in seconds. */
  readonly expirySeconds?: number;
  /**
   * Number of QoS 1 and 2 messages of this connection that the client has not completely acknowledged, this one
   * included; absent if the client acknowledges at once.
   */
  readonly unacknowledged?: number;
}

/** A fault of the target begins or ends; both events have the same `id`. */
export interface FaultEvent {
  readonly type: 'fault';
  readonly at: number;
  readonly id: number;
  readonly phase: 'begin' | 'end';
  /**
   * `kill`, `pause`, `cut`, `one-way`, `flap`, `slow`, `throttle`, `full-disk`, `slow-disk`, `wipe`, `clock`,
   * `restart`, ...
   */
  readonly fault: string;
  readonly members: readonly string[];
  /**
   * Groups of servers that the fault separates. `cut`: the partitions; the servers that are in no group form
   * one more partition. `one-way`: first the servers whose packets get lost, then the servers that don't
   * receive these packets. Absent: the fault affects all members in the same way.
   */
  readonly groups?: readonly (readonly string[])[];
}

/**
 * The run reached a phase. `healed`: all faults have ended and all brokers run. `quiet`: the publishers have
 * stopped. `settled`: no message has been delivered for some seconds.
 */
export interface PhaseEvent {
  readonly type: 'phase';
  readonly at: number;
  readonly phase: 'healed' | 'quiet' | 'settled';
}

/**
 * A measurement of the recording machine's load since the last probe: the longest delay of a timer in the
 * recording process, and the duration of a small synced write in the history's folder; both in milliseconds.
 */
export interface ProbeEvent {
  readonly type: 'probe';
  readonly at: number;
  readonly wakeMs: number;
  readonly syncMs: number;
  /** Average number of runnable threads for each core; absent on systems that don't report it. */
  readonly runnable?: number;
}

/**
 * The retained messages that one broker sent to a new session after the run had settled: topics and message
 * ids.
 */
export interface RetainedViewEvent {
  readonly type: 'retained';
  readonly at: number;
  readonly server: string;
  readonly messages: readonly (readonly [topic: string, message: number])[];
}

/** The last event. A history without this event is incomplete and is not checked. */
export interface EndEvent {
  readonly type: 'end';
  readonly at: number;
  /**
   * One sentence for each member that exited unexpectedly, and for each problem that the clients can't
   * observe.
   */
  readonly crashes: readonly string[];
}

export type HistoryEvent =
  | ConnectEvent
  | ConnectedEvent
  | ClosedEvent
  | PublishEvent
  | AckedEvent
  | CompletedEvent
  | SubscribeEvent
  | SubscribedEvent
  | DeliveryEvent
  | FaultEvent
  | PhaseEvent
  | ProbeEvent
  | RetainedViewEvent
  | EndEvent;

export type HistoryLine = Header | HistoryEvent;
