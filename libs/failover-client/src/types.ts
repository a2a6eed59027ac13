import type { Lifecycle, Logger, QoS } from '@mqtt-cluster/contracts';

/** Where a member may be reached. Without an id the address stands for it until the cluster tells. */
export interface Server {
  readonly id?: string;
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
}

export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** A stored message that came because of a subscription, not a live one [MQTT-3.3.1-8]. */
  readonly retain: boolean;
  /** The server says that it may have sent it before. */
  readonly duplicate: boolean;
}

export interface PublishOptions {
  readonly qos?: QoS;
  readonly retain?: boolean;
}

export interface SubscriptionOptions {
  readonly qos: QoS;
}

/** Topic filters with what is wanted of each. */
export type Subscriptions = Readonly<Record<string, SubscriptionOptions>>;

export interface ClientWill {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos?: QoS;
  readonly retain?: boolean;
  /** MQTT 5 only; 0 by default. */
  readonly delaySeconds?: number;
}

/**
 * How long the server keeps the session: `none` ends it with the connection; `process` survives failover but
 * starts clean in each process (MQTT 5 only); `persistent` is found again after a restart of this process,
 * too.
 *
 * A process that publishes with QoS 2 should use `process`: packet ids of a former process that are still
 * open in a `persistent` session would pass for repeats of new messages [MQTT-4.3.3-10].
 */
export type SessionKind = 'none' | 'process' | 'persistent';

export interface ConnectedEvent {
  readonly server: string;
  readonly sessionPresent: boolean;
  /** Milliseconds without a connection before this one; null for the first. */
  readonly gapMs: number | null;
}

export interface DisconnectedEvent {
  readonly server: string;
  readonly reason: string;
}

export interface FailoverEvent {
  readonly from: string;
  readonly to: string;
  readonly gapMs: number;
}

/** What the client tells. Handlers must not throw; what they throw is logged and dropped. */
export interface FailoverClientHandlers {
  readonly onMessage?: (message: IncomingMessage) => void;
  readonly onConnect?: (event: ConnectedEvent) => void;
  readonly onDisconnect?: (event: DisconnectedEvent) => void;
  /** Connected again, to another server than before. */
  readonly onFailover?: (event: FailoverEvent) => void;
  /** The session was given up (see `giveUpOnLoss` and `onTakeover`); the client has stopped by itself. */
  readonly onGivenUp?: (reason: 'takenOver' | 'lost') => void;
}

export interface FailoverTimings {
  /** TCP, TLS and CONNACK together. Raising it lengthens the failover past a silent host. */
  readonly connectTimeoutMs: number;
  /** A ping leaves this long after the last one. */
  readonly pingIntervalMs: number;
  /** A server that sent nothing for this long is taken for dead. Lowering it takes busy ones for dead. */
  readonly silenceMsMax: number;
  /** Upper bounds of the random wait after each round in which no server took us: doubles from min to max. */
  readonly retryDelayMsMin: number;
  readonly retryDelayMsMax: number;
  /** A connection that lived shorter counts as a failed attempt. */
  readonly stableAfterMs: number;
  /** A server that was silent, refused or redirected us is asked last for this long. */
  readonly avoidServerMs: number;
  /**
   * When our server drains we leave after a random time below this, so that not all clients leave at once.
   */
  readonly drainLeaveMsMax: number;
  /**
   * With `redundancy: 2`: a server that has not answered a publish in any way for the first, nor then a ping for the
   * second, is no longer published to while the other one answers, and what it has not acked goes to the other one as
   * well. Lowering them makes copies whenever a server is busy.
   */
  readonly doubtAfterMs: number;
  readonly doubtAnswerMsMax: number;
  /** `stop` waits this long for acks that are under way. */
  readonly stopDrainMsMax: number;
}

export const defaultTimings: FailoverTimings = {
  connectTimeoutMs: 2_000,
  pingIntervalMs: 1_000,
  silenceMsMax: 2_000,
  retryDelayMsMin: 50,
  retryDelayMsMax: 2_000,
  stableAfterMs: 1_000,
  avoidServerMs: 5_000,
  drainLeaveMsMax: 2_000,
  doubtAfterMs: 100,
  doubtAnswerMsMax: 150,
  stopDrainMsMax: 1_000,
};

export interface TlsOptions {
  readonly ca?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
}

export interface FailoverClientOptions extends FailoverClientHandlers {
  /** Known from the start, and always kept. */
  readonly servers: readonly Server[];
  readonly clientId: string;
  /** Id or URL of the server to prefer while it serves (that of this host, say). */
  readonly preferred?: string;
  readonly protocolVersion?: 4 | 5;
  /** `process` with MQTT 5 and `none` with 3.1.1, if not given. */
  readonly session?: SessionKind;
  /** MQTT 5: how long the server keeps the session after the connection, seconds; 3600 by default. */
  readonly sessionExpirySeconds?: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
  readonly will?: ClientWill;
  /** Subscribed from the start; more with `subscribe`. */
  readonly subscriptions?: Subscriptions;
  /** Learn of further servers from the retained `$SYS/cluster/members`; true by default. */
  readonly discover?: boolean;
  /**
   * QoS 1 and 2 publishes that wait for their ack; beyond it `publish` rejects. Each costs its payload in
   * memory.
   */
  readonly unackedMax?: number;
  /** How many of them are on the way at once, at most what the server's Receive Maximum allows. */
  readonly inFlightMax?: number;
  /** Told by MQTT 5 that the client id is in use elsewhere: connect again (after a delay), or stop. */
  readonly onTakeover?: 'reconnect' | 'stop';
  /**
   * Give the session up when its connection is lost, instead of resuming it elsewhere: unacked publishes
   * reject, nothing is sent again, and `onGivenUp` is called. For those whose place another may take
   * meanwhile.
   */
  readonly giveUpOnLoss?: boolean;
  /** 2 holds connections (`<clientId>~1` and `~2`) to two members at once, with duplicates removed. */
  readonly redundancy?: 1 | 2;
  /**
   * What makes two messages the same one, with `redundancy: 2`; topic and payload by default. Null: never
   * removed.
   */
  readonly identify?: (message: IncomingMessage) => string | null;
  /** How many messages, and for how long, are remembered to recognise the other copy. */
  readonly duplicatesRememberedMax?: number;
  readonly duplicateWindowMs?: number;
  readonly timings?: Partial<FailoverTimings>;
  readonly logger?: Logger;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

export interface FailoverClientStatus {
  readonly connected: boolean;
  /** Of the connection (the first live one with redundancy): id or URL, or null. */
  readonly server: string | null;
  /** One per connection. */
  readonly servers: readonly (string | null)[];
  readonly unacked: number;
  readonly connects: number;
  readonly failovers: number;
  readonly failedAttempts: number;
  /** Second copies removed (`redundancy: 2`). */
  readonly duplicatesRemoved: number;
  /** QoS 0 publishes that were dropped for want of a connection or room in its buffer. */
  readonly dropped: number;
}

/** An MQTT client that uses whichever member is there. */
export interface FailoverClient extends Lifecycle {
  /** Begins to connect; does not wait for it (see `connected`). */
  start(): Promise<void>;
  /** Waits (bounded) for acks, says DISCONNECT (so no will) and rejects what is left. */
  stop(): Promise<void>;
  /** Resolves while or as soon as there is a connection. @throws the signal's reason when aborted. */
  connected(signal?: AbortSignal): Promise<void>;
  /**
   * Resolves with the ack of the cluster: PUBACK (QoS 1), PUBCOMP (QoS 2), or once handed to the socket (QoS
   * 0). QoS 1 and 2 are kept and sent again on the next connection until then.
   * @throws UnackedLimitError `unackedMax` publishes wait already
   * @throws NotConnectedError QoS 0 without a connection, or its buffer full: the message is dropped
   * @throws PublishRefusedError the server refused it for good (MQTT 5 reason code)
   * @throws ClientStoppedError stopped before the ack; whether it arrived is not known
   */
  publish(topic: string, payload: string | Uint8Array, options?: PublishOptions): Promise<void>;
  /**
   * Resolves with the first SUBACK; kept and repeated on each later connection whose session is new.
   * @throws SubscriptionRefusedError the server refused one of the filters
   */
  subscribe(subscriptions: Subscriptions): Promise<void>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  status(): FailoverClientStatus;
}
