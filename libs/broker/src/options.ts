import type { TlsOptions } from 'node:tls';
import type { ClientId, ClientPort, Logger, MemberId } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

export interface ListenerOptions {
  /** Address to bind; `0.0.0.0` for all. */
  readonly host: string;
  /** 0: any free one, see {@link Broker.addresses}. */
  readonly port: number;
  readonly kind: 'tcp' | 'tls';
  /** `tls` only. */
  readonly tls?: TlsOptions;
}

export interface BrokerLimits {
  /** Bytes of one packet from a client. Raising it costs as much memory per client that sends one. */
  readonly packetBytesMax: number;
  readonly clientIdBytesMax: number;
  /** Connections of this member; one more is refused. */
  readonly clientsMax: number;
  /**
   * Unfinished QoS 1 and 2 publishes of one client (MQTT 5 Receive Maximum); 3.1.1 clients' QoS 2 wait
   * beyond it.
   */
  readonly receiveMaximum: number;
  /** Topic aliases a client may set; each may keep a topic in memory for the connection's lifetime. */
  readonly topicAliasMaximum: number;
  /** Unacknowledged QoS 1 publishes of one client before its socket is no longer read. */
  readonly unacknowledgedMax: number;
  /** Bytes of 3.1.1 QoS 2 publishes that wait for room in the window; beyond it the client is cut off. */
  readonly heldBytesMax: number;
  /** Outgoing socket buffer of one client, bytes. */
  readonly outgoingBytesMax: number;
  /** How long that buffer may stay full, ms. */
  readonly stalledMsMax: number;
  /** How long a new connection may take to send CONNECT, ms. */
  readonly connectMsMax: number;
  /** How long the member may take to let a client in, ms. */
  readonly admissionMsMax: number;
  /** Publishes a second of one client; 0 for any number. */
  readonly publishesPerSecondMax: number;
  /** New connections a second from one address, with a burst of five seconds' worth. */
  readonly connectsPerSecondMax: number;
  /** MQTT 5 Server Keep Alive, seconds; 0 leaves it to the client. */
  readonly keepAliveSecondsMax: number;
}

export const defaultLimits: BrokerLimits = {
  packetBytesMax: 256 * 1024,
  clientIdBytesMax: 256,
  clientsMax: 10_000,
  receiveMaximum: 100,
  topicAliasMaximum: 10,
  unacknowledgedMax: 2_000,
  heldBytesMax: 16 * 1024 * 1024,
  outgoingBytesMax: 1024 * 1024,
  stalledMsMax: 10_000,
  connectMsMax: 10_000,
  admissionMsMax: 30_000,
  publishesPerSecondMax: 0,
  connectsPerSecondMax: 1_000,
  keepAliveSecondsMax: 0,
};

/** Who wants in. The password is only good during the call. */
export interface Credentials {
  readonly client: ClientId;
  readonly address: string;
  readonly userName?: string;
  readonly password?: Uint8Array;
}

export interface Administration {
  /** Whether a client that connects with these may administer. Asked once for each connection, after `authenticate`. */
  admits(credentials: Credentials): boolean;
  /** A publish of such a client, once: not a repeat (DUP). It is acknowledged, and routed, like any other. */
  onCommand(command: string, payload: Uint8Array): void;
}

export interface BrokerOptions {
  readonly memberId: MemberId;
  readonly port: ClientPort;
  readonly listeners: readonly ListenerOptions[];
  readonly logger: Logger;
  readonly metrics?: Metrics;
  readonly limits?: Partial<BrokerLimits>;
  /** For `$SYS/broker/version`. */
  readonly version?: string;
  /** The JSON for `$SYS/cluster/members`; published whenever it has changed. */
  readonly members?: () => string;
  /**
   * More `$SYS` topics and what they say: those under `$SYS/cluster/` are published whenever they have changed, others every
   * ten seconds.
   */
  readonly systemValues?: () => Readonly<Record<string, string>>;
  /** Where MQTT 5 clients are sent when this member doesn't take them (Server Reference, MQTT 5, 4.11). */
  readonly serverReference?: () => string | undefined;
  /**
   * Who is taken at the moment. `redirect`: MQTT 5 clients are sent elsewhere when `serverReference` knows where; `refuse`:
   * the others are refused, too. Default: `all`.
   */
  readonly admission?: () => 'all' | 'redirect' | 'refuse';
  /** Without it nobody may publish to the admin topics ({@link adminTopicPrefix}). */
  readonly administration?: Administration;
  /** Default: everybody. A rejection counts as no. */
  readonly authenticate?: (credentials: Credentials) => boolean | Promise<boolean>;
  /** Default: everything but the server's own topics, which are refused in any case. */
  readonly authorizePublish?: (client: ClientId, topic: string) => boolean;
  readonly authorizeSubscribe?: (client: ClientId, filter: string) => boolean;
}
