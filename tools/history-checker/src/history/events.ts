/**
 * What a run records, and all that the checker reads: JSON lines, the header first, then events in the order in which
 * the recording process saw them. Times (`at`) are milliseconds since the start on one monotonic clock. Ids of
 * connections and messages are numbers that are unique in the run; a payload begins with its message's id.
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
  /** Names of the brokers; every `server` below is one of them. */
  readonly servers: readonly string[];
  /** Wall clock, ISO 8601; for whoever reads the file. */
  readonly startedAt: string;
  readonly limits: Limits;
}

/** What the checker may hold against the target; milliseconds. */
export interface Limits {
  /** From the death of a client (or of its home) to its will, plus the will's delay. */
  readonly willMsMax: number;
  /** The same where the home lives on and hears of the death at once; as {@link willMsMax} if it isn't given. */
  readonly willAtOnceMsMax?: number;
  /** From the newer CONNACK of a client id, or from the heal, to the end of the older connection. */
  readonly takeoverMsMax: number;
  /** The target may ack QoS 1 without a majority and then lose it with the only disk that holds it. */
  readonly degradedAcks: boolean;
  /** From the end of a fault to a whole cluster; 10,000 if it isn't given (P7). */
  readonly healMsMax?: number;
  /** From the ack of a retained message to all servers serving it; 2,000 if it isn't given (P5). */
  readonly retainedMsMax?: number;
  /** From a request to its answer, and from an ack to the delivery, where no fault is felt; 3,000 if it isn't given (P7, P8). */
  readonly servedMsMax?: number;
  /** An offline session's queue may drop its oldest beyond so many messages (P1); no bound if it isn't given. */
  readonly queuedMessagesMax?: number;
}

export interface WillRecord {
  readonly message: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly delaySeconds: number;
}

/** CONNECT is on its way. */
export interface Connect {
  readonly type: 'connect';
  readonly at: number;
  readonly connection: number;
  readonly clientId: string;
  readonly server: string;
  readonly version: 4 | 5;
  /** Clean session or clean start. */
  readonly clean: boolean;
  /** How long the session outlives the connection; 0 for not at all, null for ever. */
  readonly expirySeconds: number | null;
  readonly will: WillRecord | null;
}

/** CONNACK that accepts. */
export interface Connected {
  readonly type: 'connected';
  readonly at: number;
  readonly connection: number;
  readonly sessionPresent: boolean;
}

/**
 * The connection is over, accepted or not.
 * `disconnect`: the client sent DISCONNECT, so no will. `dropped`: the client closed without DISCONNECT. `server`: closed or
 * refused from the other side (code: reason code, if it said one). `lost`: reset, time-out, or the broker's host is gone.
 */
export interface Closed {
  readonly type: 'closed';
  readonly at: number;
  readonly connection: number;
  readonly how: 'disconnect' | 'dropped' | 'server' | 'lost';
  readonly code?: number;
}

/** PUBLISH is on its way; each sending again is an event of its own with the same message. An empty payload clears. */
export interface Publish {
  readonly type: 'publish';
  readonly at: number;
  readonly connection: number;
  readonly message: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** A retained message with an empty payload: it has no id in the payload and clears the topic. */
  readonly clear: boolean;
}

/** PUBACK, or PUBREC for QoS 2: from here on the message is the broker's. */
export interface Acked {
  readonly type: 'acked';
  readonly at: number;
  readonly connection: number;
  readonly message: number;
  /** 0 unless refused [MQTT5 2.4]; 16 (no matching subscribers) is a success. */
  readonly code: number;
}

/** PUBCOMP for a QoS 2 message. */
export interface Completed {
  readonly type: 'completed';
  readonly at: number;
  readonly connection: number;
  readonly message: number;
  /** 0x92 says that the server knows nothing of the message [MQTT5 3.7.2.1]; 0 or left out is a success. */
  readonly code?: number;
}

export interface Subscribe {
  readonly type: 'subscribe' | 'unsubscribe';
  readonly at: number;
  readonly connection: number;
  /** With `$share/<group>/` for shared subscriptions. */
  readonly filter: string;
  readonly qos: QoS;
}

/** SUBACK or UNSUBACK for one filter. */
export interface Subscribed {
  readonly type: 'subscribed' | 'unsubscribed';
  readonly at: number;
  readonly connection: number;
  readonly filter: string;
  /** SUBACK: the granted QoS, or 0x80 and above when refused. */
  readonly code: number;
}

/**
 * The client hands a message to its application: QoS 0 and 1 at PUBLISH; QoS 2 once per packet id of its session, as method A
 * of the receiver says [MQTT5 4.3.3]. Message 0: an empty payload.
 */
export interface Delivery {
  readonly type: 'delivery';
  readonly at: number;
  readonly connection: number;
  readonly message: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
}

/** Something done to the target. Member names as in the header; `id` joins a start to its end. */
export interface Fault {
  readonly type: 'fault';
  readonly at: number;
  readonly id: number;
  readonly phase: 'begin' | 'end';
  /** `kill`, `pause`, `cut`, `one-way`, `flap`, `slow`, `throttle`, `full-disk`, `slow-disk`, `wipe`, `clock`, `restart`, ... */
  readonly fault: string;
  readonly members: readonly string[];
  /** `cut`: the islands, who is in none makes one more; `one-way`: first who is not heard. Left out: all suffer alike. */
  readonly groups?: readonly (readonly string[])[];
}

/** `healed`: all faults have ended and all brokers run. `quiet`: publishers have stopped. `settled`: nothing has come for a while. */
export interface Phase {
  readonly type: 'phase';
  readonly at: number;
  readonly phase: 'healed' | 'quiet' | 'settled';
}

/**
 * How busy this machine was since the one before: by how much the recording process was woken too late, and how long a
 * small synced write beside the history took, at the longest; milliseconds.
 */
export interface Probe {
  readonly type: 'probe';
  readonly at: number;
  readonly wakeMs: number;
  readonly syncMs: number;
  /** Threads that wanted a core, for each core, on average; left out where the system does not tell. */
  readonly runnable?: number;
}

/** What one broker served as retained in the end, to one kind of session: topic and message id. */
export interface RetainedView {
  readonly type: 'retained';
  readonly at: number;
  readonly server: string;
  readonly messages: readonly (readonly [topic: string, message: number])[];
}

/** Written last; a history without it was cut off and is not judged. */
export interface End {
  readonly type: 'end';
  readonly at: number;
  /** Members that ended by themselves, one sentence each. */
  readonly crashes: readonly string[];
}

export type HistoryEvent =
  | Connect
  | Connected
  | Closed
  | Publish
  | Acked
  | Completed
  | Subscribe
  | Subscribed
  | Delivery
  | Fault
  | Phase
  | Probe
  | RetainedView
  | End;

export type HistoryLine = Header | HistoryEvent;
