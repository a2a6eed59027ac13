import type { Duplex } from 'node:stream';
import type { Lifecycle, Logger, QoS } from '@mqtt-cluster/contracts';

/** The address of a member. Without an id, the URL is the id until the cluster advertises the member's id. */
export interface Server {
  readonly id?: string;
  /** `mqtt://host:port`, `mqtts://host:port`, `ws://host:port/path` or `wss://host:port/path`. */
  readonly url: string;
}

export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** True if the server sent a retained message because of a new subscription [MQTT-3.3.1-8]. */
  readonly retain: boolean;
  /** The DUP flag: the server may have sent this message before. */
  readonly duplicate: boolean;
}

export interface PublishOptions {
  readonly qos?: QoS;
  readonly retain?: boolean;
}

export interface SubscriptionOptions {
  readonly qos: QoS;
}

/** The options of each topic filter. */
export type Subscriptions = Readonly<Record<string, SubscriptionOptions>>;

export interface ClientWill {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos?: QoS;
  readonly retain?: boolean;
  /** Will Delay Interval in seconds. MQTT 5 only; 0 by default. */
  readonly delaySeconds?: number;
}

/**
 * How long the server keeps the session:
 * - `none`: until the connection ends.
 * - `process`: across failovers. Each process starts with a clean session. MQTT 5 only.
 * - `persistent`: also across restarts of this process.
 *
 * A process that publishes with QoS 2 should use `process`. In a `persistent` session, packet ids of the former process
 * may still be open. The server would then treat a new message with such an id as a repetition [MQTT-4.3.3-10].
 */
export type SessionKind = 'none' | 'process' | 'persistent';

export interface ConnectedEvent {
  /** Id or URL of the server. */
  readonly server: string;
  readonly sessionPresent: boolean;
  /** Milliseconds since the former connection was lost; null for the first connection. */
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

/** Event handlers. An error that a handler throws is logged and otherwise ignored. */
export interface FailoverClientHandlers {
  readonly onMessage?: (message: IncomingMessage) => void;
  readonly onConnect?: (event: ConnectedEvent) => void;
  readonly onDisconnect?: (event: DisconnectedEvent) => void;
  /** The client is connected again, to another server than before. `gapMs` is the time without a connection. */
  readonly onFailover?: (event: FailoverEvent) => void;
  /** The client has stopped by itself, because of `stopOnConnectionLoss` or `onTakeover`. Not called after `stop`. */
  readonly onStopped?: (reason: 'takenOver' | 'connectionLost') => void;
}

/** Times in milliseconds. {@link defaultTimings} has the defaults. */
export interface FailoverTimings {
  /** Time limit for TCP, TLS and CONNACK together. Raising it delays the failover past a host that does not respond. */
  readonly connectTimeoutMs: number;
  /** Interval between pings. Raising it delays the detection of a silent server. Lowering it costs traffic. */
  readonly pingIntervalMs: number;
  /**
   * A connection on which nothing was received for this long is closed. Must be above `pingIntervalMs`. Raising it delays
   * the failover. Lowering it closes connections to servers that are only busy.
   */
  readonly silenceMsMax: number;
  /**
   * Bounds of the backoff. After each round in which no server accepted the client, the client waits a random
   * time between 0 and a limit. The limit doubles from min to max. Raising them delays the reconnect.
   * Lowering them loads recovering servers.
   */
  readonly retryDelayMsMin: number;
  readonly retryDelayMsMax: number;
  /**
   * Bounds of the same backoff after a round in which a server refused the credentials or a certificate, or a file could not
   * be read. Raising them delays the connection after the cause has been mended. Lowering them loads servers with refused
   * attempts, and servers may slow down an address with many of them.
   */
  readonly refusedDelayMsMin: number;
  readonly refusedDelayMsMax: number;
  /**
   * A connection that lasts less than this does not reset the backoff. Raising it slows reconnects to servers
   * that often disconnect.
   */
  readonly stableAfterMs: number;
  /**
   * After an attempt failed or a connection ended, the client tries this server last for this long. Raising it delays the
   * return to a server that has recovered.
   */
  readonly avoidServerMs: number;
  /**
   * When its server drains, the client moves to another server after a random time below this, so that not
   * all clients move at once. It should be shorter than the server's own drain.
   */
  readonly drainLeaveMsMax: number;
  /**
   * With `redundancy: 2`: if a server has sent nothing for `probeAfterMs` after a publish, the client sends a ping. If the
   * server sends nothing for another `probeTimeoutMs`, it is suspected: its unacknowledged QoS 1 messages are also sent on
   * the other connection, and new messages only there. Raising them delays messages past a silent server. Lowering them
   * sends copies whenever a server is busy.
   */
  readonly probeAfterMs: number;
  readonly probeTimeoutMs: number;
  /** `stop` waits up to this long for acknowledgements. Raising it delays the stop while acknowledgements are missing. */
  readonly stopDrainMsMax: number;
}

export const defaultTimings: FailoverTimings = {
  connectTimeoutMs: 2_000,
  pingIntervalMs: 1_000,
  silenceMsMax: 2_000,
  retryDelayMsMin: 50,
  retryDelayMsMax: 2_000,
  refusedDelayMsMin: 1_000,
  refusedDelayMsMax: 30_000,
  stableAfterMs: 1_000,
  avoidServerMs: 5_000,
  drainLeaveMsMax: 2_000,
  probeAfterMs: 100,
  probeTimeoutMs: 150,
  stopDrainMsMax: 1_000,
};

/** Options of TLS. Certificates and keys are PEM texts. */
export interface TlsOptions {
  /** Authorities that sign the certificates of the servers. Those of Node by default. */
  readonly ca?: string | Uint8Array;
  /** Certificate of this client and its key; both or none. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** Name that the certificates of all servers must contain, instead of the host of their URLs. */
  readonly serverName?: string;
  /**
   * False accepts each certificate that an authority of `ca` has signed, for any server. A host with such a certificate can
   * then pose as a server. True by default.
   */
  readonly checkServerName?: boolean;
}

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

/** The stream of a connection. `bytesRead` rises with each byte that the server has sent. */
export type ClientStream = Duplex & { readonly bytesRead: number };

export interface FailoverClientOptions extends FailoverClientHandlers {
  /** At least one server. Configured servers are never removed from the client's list. */
  readonly servers: readonly Server[];
  /** The MQTT client id. Must not be empty. */
  readonly clientId: string;
  /** Id or URL of the server to prefer while it serves, for instance the one on this host. */
  readonly preferred?: string;
  /** MQTT protocol version. 4 is MQTT 3.1.1. 5 by default. */
  readonly protocolVersion?: 4 | 5;
  /** How long the server keeps the session. `process` by default with MQTT 5, and `none` with MQTT 3.1.1. */
  readonly session?: SessionKind;
  /**
   * MQTT 5: how long the server keeps the session after the connection, in seconds. 3600 by default; 0 if `session` is
   * `none`. Raising it costs memory for queued messages on all members.
   */
  readonly sessionExpirySeconds?: number;
  readonly username?: string;
  readonly password?: string;
  /**
   * Returns user name and password; called before each connection, so that a renewed token is used. Excludes `username` and
   * `password`. If it throws, the attempt fails with this error.
   */
  readonly credentials?: () => Credentials;
  /** A function is called before each connection, so that renewed certificates are used. */
  readonly tls?: TlsOptions | (() => TlsOptions);
  /** Opens the connections instead of TCP, for a server in this process. The URLs are then only names of the servers. */
  readonly openStream?: (url: string) => ClientStream;
  /** The will of the client. Not allowed with `redundancy: 2`. */
  readonly will?: ClientWill;
  /** Subscriptions from the start. `subscribe` adds more. */
  readonly subscriptions?: Subscriptions;
  /**
   * If true, the client learns further servers from the retained message on `$SYS/cluster/members`. True by
   * default.
   */
  readonly discover?: boolean;
  /**
   * Upper bound of unacknowledged QoS 1 and 2 publishes of each connection; beyond it `publish` rejects. 1000 by default.
   * Raising it costs the memory of the payloads.
   */
  readonly unackedMax?: number;
  /**
   * Upper bound of the unacknowledged publishes that are in flight at once. The server's Receive Maximum is a
   * further bound. 100 by default. Raising it means more repetitions after a failover.
   */
  readonly inFlightMax?: number;
  /**
   * Bytes of the largest packet that the servers accept; `publish` rejects a larger message. MQTT 5 servers
   * announce this limit themselves. For MQTT 3.1.1 without this option, the client gives a message up when
   * the server has closed two connections in a row while it was sent. No limit by default.
   */
  readonly packetBytesMax?: number;
  /**
   * What to do when another client has connected with this client id (MQTT 5 reason 0x8E): reconnect after the backoff, or
   * stop. `reconnect` by default.
   */
  readonly onTakeover?: 'reconnect' | 'stop';
  /**
   * Stop when the connection is lost, instead of resuming the session on another server: unacknowledged publishes
   * reject, nothing is sent again, and `onStopped` is called. For a client that another client may replace meanwhile.
   * False by default; not with `redundancy: 2`.
   */
  readonly stopOnConnectionLoss?: boolean;
  /**
   * 2 keeps connections to two members at once, with the client ids `<clientId>~1` and `<clientId>~2`, and removes the
   * second copy of each received message. 1 by default. 2 costs twice the traffic and sessions.
   */
  readonly redundancy?: 1 | 2;
  /**
   * With `redundancy: 2`: returns the identity of a message. Messages with the same identity are copies. Null means that
   * the message is never removed. By default the identity is the topic, the payload and the retain flag.
   */
  readonly identify?: (message: IncomingMessage) => string | null;
  /**
   * Bounds of the memory that recognizes second copies: the number of identities, and the milliseconds for
   * which each is kept. Both are 10,000 by default. Raising the number costs memory. Raising the window also
   * removes equal messages that are further apart.
   */
  readonly duplicatesRememberedMax?: number;
  readonly duplicateWindowMs?: number;
  readonly timings?: Partial<FailoverTimings>;
  readonly logger?: Logger;
  /** Returns uniformly distributed numbers from 0 to below 1. `Math.random` by default. */
  readonly random?: () => number;
}

export interface FailoverClientStatus {
  readonly connected: boolean;
  /** Id or URL of the server that publishes go to, or null without a connection. */
  readonly server: string | null;
  /** For each connection: the id or URL of its server, or null without a connection. */
  readonly servers: readonly (string | null)[];
  /** Number of the QoS 1 and 2 publishes without an acknowledgement. */
  readonly unacked: number;
  readonly connects: number;
  readonly failovers: number;
  readonly failedAttempts: number;
  /** Number of the failed attempts because of credentials, certificates or unreadable files. */
  readonly refusedAttempts: number;
  /** Number of the removed second copies (`redundancy: 2`). */
  readonly duplicatesRemoved: number;
  /**
   * Number of the QoS 0 publishes that were dropped, because there was no connection or the socket's buffer
   * was full.
   */
  readonly dropped: number;
}

/** An MQTT client that connects to any available member of a cluster, and fails over to another one. */
export interface FailoverClient extends Lifecycle {
  /** Starts to connect, and resolves without waiting for a connection (see `connected`). */
  start(): Promise<void>;
  /**
   * Waits up to `stopDrainMsMax` for acknowledgements, sends DISCONNECT (so the server deletes the will), and rejects
   * the remaining publishes.
   */
  stop(): Promise<void>;
  /**
   * Resolves as soon as the client has a connection.
   *
   * @throws ClientStoppedError the client was stopped
   * @throws the reason of the signal if it is aborted
   */
  connected(signal?: AbortSignal): Promise<void>;
  /**
   * Resolves when the server has acknowledged the message: with PUBACK (QoS 1) or PUBCOMP (QoS 2). QoS 0 resolves when the
   * message was written to the socket. QoS 1 and 2 messages are kept until then, and sent again on the next connection.
   *
   * @throws OptionsError the topic is not a valid topic name
   * @throws UnackedLimitError `unackedMax` publishes are unacknowledged
   * @throws MessageTooLargeError the server does not accept a packet of this size
   * @throws NotConnectedError a QoS 0 message was dropped: there is no connection, or the socket's buffer is full
   * @throws PublishRefusedError the server rejected the message (MQTT 5 reason code)
   * @throws ClientStoppedError the client was stopped before the acknowledgement; the message may have been delivered
   */
  publish(topic: string, payload: string | Uint8Array, options?: PublishOptions): Promise<void>;
  /**
   * Resolves with the first SUBACK. The subscriptions are sent again on each later connection with a new session.
   *
   * @throws SubscriptionRefusedError the server rejected a filter; this filter is not sent again
   * @throws OptionsError 1000 calls already wait for their SUBACK
   * @throws ClientStoppedError the client was stopped before the SUBACK
   */
  subscribe(subscriptions: Subscriptions): Promise<void>;
  /**
   * Resolves with UNSUBACK. Without a connection, or if the connection is lost, it resolves at once, and
   * UNSUBSCRIBE is sent on the next connection.
   */
  unsubscribe(filters: readonly string[]): Promise<void>;
  status(): FailoverClientStatus;
}
