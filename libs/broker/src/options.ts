import type {
  AccessDecisions,
  AccessSubject,
  Authenticator,
  ClientPort,
  EverySecond,
  Logger,
  MemberId,
  Role,
} from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { ClientEvent } from './connection/client-events.ts';
import type { Departed } from './connection/departed-certificates.ts';
import type { ListenerKind, ListenerOptions } from './listeners/options.ts';

export interface BrokerLimits {
  /** Bytes of one packet from a client. Each client may occupy this much memory with an incomplete packet. */
  readonly packetBytesMax: number;
  /** Bytes of a client identifier. Each session stores its identifier on every member. */
  readonly clientIdBytesMax: number;
  /**
   * Authenticated clients of this member. The broker redirects further clients, or gives them the places of the
   * address or user that holds most, or rejects them.
   */
  readonly clientsMax: number;
  /**
   * Connections that have not authenticated. Beyond it, the broker closes the oldest ones of the address that holds
   * most. A higher number raises the memory that strangers may occupy.
   */
  readonly unauthenticatedMax: number;
  /**
   * Connections of all kinds together, so that open files are left for the peers, HTTP and the store; 0 sets no bound
   * beyond the other two.
   */
  readonly socketsMax: number;
  /**
   * Connections from one address (IPv6: from one network of 64 bits); 0 sets no bound. A proxy or a NAT makes many
   * clients share an address.
   */
  readonly connectionsPerAddressMax: number;
  /** Connections of one user; 0 sets no bound. */
  readonly connectionsPerUserMax: number;
  /** Bytes that all connections without authentication hold together. */
  readonly unauthenticatedBytesMax: number;
  /** Bytes of unfinished packets of all authenticated clients together. */
  readonly unfinishedBytesMax: number;
  /** As `heldBytesMax`, for all clients together. */
  readonly heldBytesTotalMax: number;
  /** As `outgoingBytesMax`, for all clients together. */
  readonly outgoingBytesTotalMax: number;
  /**
   * Payload bytes of the large publishes (4 KiB and above, QoS 1 and 2) of all clients together that the member has not
   * answered. From three quarters on, clients above their part are not read. The bound is far above what a fast log
   * needs; a higher number lets bulk data wait in memory instead of at its clients.
   */
  readonly unansweredBytesTotalMax: number;
  /**
   * Unfinished QoS 1 and 2 publishes of one client (MQTT 5 Receive Maximum). QoS 2 publishes of an MQTT 3.1.1
   * client wait while this number is reached.
   */
  readonly receiveMaximum: number;
  /**
   * Topic aliases of one client. Each alias may occupy the bytes of a topic for the lifetime of the
   * connection.
   */
  readonly topicAliasMaximum: number;
  /**
   * Unacknowledged QoS 1 publishes of one client. The broker pauses the socket at this number. A publish
   * counts once more for each 4 KiB of its payload. A higher number raises the memory that a fast publisher
   * occupies.
   */
  readonly unacknowledgedMax: number;
  /**
   * Bytes of one MQTT 3.1.1 client's QoS 2 publishes that wait for room in the window. The broker disconnects
   * a client that exceeds this number. A higher number raises the memory that one client may occupy.
   */
  readonly heldBytesMax: number;
  /**
   * Bytes of one client's outgoing socket buffer. A higher number raises the memory that a slow consumer
   * occupies.
   */
  readonly outgoingBytesMax: number;
  /** Time that the outgoing buffer may stay full before the broker disconnects the client, ms. */
  readonly stalledMsMax: number;
  /**
   * Time from the opening of a connection until its PROXY header, its TLS handshake and its WebSocket request are
   * complete, ms.
   */
  readonly handshakeMsMax: number;
  /** Time between the opening of a connection, or the end of its handshake, and its CONNECT, ms. */
  readonly connectMsMax: number;
  /** Time that the member has to accept or reject a client, ms. */
  readonly admissionMsMax: number;
  /**
   * Publishes a second of one client. The broker pauses the socket of a faster client; 0 disables the limit.
   */
  readonly publishesPerSecondMax: number;
  /** As `publishesPerSecondMax`, in bytes of topics and payloads. */
  readonly publishBytesPerSecondMax: number;
  /**
   * New connections a second from one address, with a burst of five times this number; 0 disables the limit.
   */
  readonly connectsPerSecondMax: number;
  /** MQTT 5 Server Keep Alive, seconds; 0 uses the keep-alive of each client. */
  readonly keepAliveSecondsMax: number;
  /**
   * Session Expiry Interval of an MQTT 5 bridge that asks for none, seconds. 0 ends its session with its
   * connection. A higher number raises the time for which the cluster queues messages for a removed bridge.
   */
  readonly bridgeSessionExpirySeconds: number;
  /**
   * Rate at which the bytes of an incomplete packet restart the keep-alive timer, bytes a second. A lower rate
   * allows a client to occupy a connection with fewer bytes.
   */
  readonly packetBytesPerSecondMin: number;
  /**
   * Time for which an incomplete packet may arrive below that rate, ms. The bound also holds without a
   * keep-alive.
   */
  readonly incompletePacketMsMax: number;
}

export const defaultLimits: BrokerLimits = {
  packetBytesMax: 256 * 1024,
  clientIdBytesMax: 256,
  clientsMax: 10_000,
  unauthenticatedMax: 5_000,
  socketsMax: 0,
  connectionsPerAddressMax: 0,
  connectionsPerUserMax: 0,
  unauthenticatedBytesMax: 16 * 1024 * 1024,
  unfinishedBytesMax: 48 * 1024 * 1024,
  heldBytesTotalMax: 32 * 1024 * 1024,
  outgoingBytesTotalMax: 64 * 1024 * 1024,
  unansweredBytesTotalMax: 8 * 1024 * 1024,
  receiveMaximum: 100,
  topicAliasMaximum: 10,
  unacknowledgedMax: 2_000,
  heldBytesMax: 16 * 1024 * 1024,
  outgoingBytesMax: 1024 * 1024,
  stalledMsMax: 10_000,
  handshakeMsMax: 10_000,
  connectMsMax: 10_000,
  admissionMsMax: 30_000,
  publishesPerSecondMax: 0,
  publishBytesPerSecondMax: 0,
  connectsPerSecondMax: 1_000,
  keepAliveSecondsMax: 0,
  bridgeSessionExpirySeconds: 86_400,
  packetBytesPerSecondMin: 1024,
  incompletePacketMsMax: 60_000,
};

/**
 * What the broker does because the process uses too much memory. `refuseClients`: it rejects new clients.
 * `dropQos0`: it also drops the QoS 0 publishes of its clients, and closes new connections at once.
 */
export type MemoryPressure = 'none' | 'refuseClients' | 'dropQos0';

/** Access to the admin topics (`$cluster/admin/…`). */
export interface Administration {
  /** Returns whether a client with this role may publish the command. Default: the roles `operator` and `admin`. */
  mayRun?(command: string, role: Role): boolean;
  /**
   * Runs a command that an administrator published. The broker acknowledges and routes the message like any
   * other. The broker does not call this function for a retransmission (DUP).
   */
  onCommand(command: string, payload: Uint8Array, subject: AccessSubject): void;
}

export interface BrokerOptions {
  readonly memberId: MemberId;
  readonly port: ClientPort;
  readonly listeners: readonly ListenerOptions[];
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Runs the checks of the clients, and updates the `$SYS` topics. Default: a timer of the broker's own. */
  readonly everySecond?: EverySecond;
  readonly limits?: Partial<BrokerLimits>;
  /** Value of `$SYS/broker/version`. */
  readonly version?: string;
  /** Returns the JSON text for `$SYS/cluster/members`. The broker publishes the text when it changes. */
  readonly members?: () => string;
  /**
   * Returns further `$SYS` topics with their values. The broker publishes a changed value under
   * `$SYS/cluster/` within a second, and other values every ten seconds.
   */
  readonly systemValues?: () => Readonly<Record<string, string>>;
  /** Returns the number of messages that the member has dropped, for `$SYS/broker/load/publish/dropped`. */
  readonly droppedMessages?: () => number;
  /**
   * Returns the Server Reference (MQTT 5, 4.11) for MQTT 5 clients that this member redirects, or undefined
   * if no other member is better. The reference is that of a listener of the same kind. The broker calls this
   * function only for a redirect, so the function may be costly.
   */
  readonly serverReference?: (kind: ListenerKind) => string | undefined;
  /**
   * Returns which new clients the member accepts now. `redirect`: MQTT 5 clients are redirected if
   * `serverReference` returns a member. `refuse`: all other clients are rejected as well. Default: `all`.
   */
  readonly admission?: () => 'all' | 'redirect' | 'refuse';
  /** Without this option the broker rejects all publishes to the admin topics. */
  readonly administration?: Administration;
  /** Called when a client connects, and when a connection is refused or ends. Must be fast, and must not throw. */
  readonly onClientEvent?: (event: ClientEvent) => void;
  /**
   * Called when new revocation lists contain the certificates of clients that this broker has served and that are gone
   * while their wills wait.
   */
  readonly onDepartedRevoked?: (clients: readonly Pick<Departed, 'client' | 'user' | 'epoch'>[]) => void;
  /** Default: accepts all clients as anonymous ones. */
  readonly authenticator?: Authenticator;
  /**
   * Default: permits all topics. The broker itself always rejects publishes to `$SYS/`, and both publishes and
   * subscriptions to the topics of the members (`$bridge/`, `$cluster/`).
   */
  readonly access?: AccessDecisions;
}
