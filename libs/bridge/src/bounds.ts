/** Bounds of the bridge, each with its reason. All bounds apply per peer. */

/**
 * Approximate size at which the encoder starts a new frame. A larger frame amortizes the cost of MQTT and TLS
 * better, but delays the messages behind it.
 */
export const frameBodyBytesTarget = 1024 * 1024;

/** Largest frame that a member sends or accepts. A piece of a snapshot or one append is much smaller. */
export const frameBytesMax = 32 * 1024 * 1024;

/** Backlog above which live messages are dropped. A slow link must not deliver outdated live messages. */
export const liveBacklogBytesMax = 1024 * 1024;

/**
 * Backlog above which messages of the `log` channel are dropped. The member repeats unacknowledged messages.
 */
export const logBacklogBytesMax = 16 * 1024 * 1024;

/** Backlog above which votes and heartbeats are dropped, because they would arrive too late to be useful. */
export const raftBacklogBytesMax = 1024 * 1024;

/**
 * Time for which a stop waits until the kernel has accepted the last messages, for example a leadership
 * transfer.
 */
export const stopFlushMsMax = 200;

/** Timeout of an outgoing connection, for TCP, TLS and MQTT CONNECT together. */
export const connectTimeoutMs = 2_000;

/** Age from which a failed connection counts as stable: its first reconnect uses the shortest delay. */
export const stableConnectionMs = 1_000;

/**
 * Delays of consecutive reconnects; the last delay repeats. Each delay varies by up to half in both
 * directions.
 */
export const reconnectDelaysMs: readonly number[] = [5, 20, 50, 100, 200, 350];

/**
 * Reconnect delay after the peer rejected CONNECT, for example because this member is unknown to it. Only an
 * operator can change the cause, so a retry is not urgent.
 */
export const rejectedReconnectDelayMs = 2_000;

/** Interval of the connection checks (`EverySecond`), and of the pings on a `log` connection in use. */
export const pingIntervalMs = 1_000;

/**
 * Ping interval of a `raft` connection in use. A longer interval is sufficient here, because the heartbeats
 * of Raft detect a dead peer earlier.
 */
export const raftPingIntervalMs = 2_000;

/**
 * Ping intervals of idle connections. They are long, because an idle cluster of seven members has 84
 * connections and each ping costs CPU time. A dead connection is found sooner when it is used.
 */
export const idlePingIntervalsMs = { raft: 12_000, log: 25_000 } as const;

/**
 * Age of the last ping from which the first frame on an idle connection carries the next one, so that the peer handles both
 * in one wake-up. It is shorter than the interval of the hello messages, so an idle `raft` connection needs no other ping.
 */
export const carriedPingIntervalMs = 9_000;

/**
 * Age of the last ping from which an idle `log` connection is pinged together with the `raft` connection: both members
 * then handle the two pings in one wake-up.
 */
export const jointPingIntervalMs = 15_000;

/**
 * Checks without a sent `log` frame after which an append answer of the peer proves that the peer receives the frames of
 * the `raft` connection. Before that, it may answer entries, which the `log` connection carries.
 */
export const quietLogChecks = 3;

/** Time without a received packet after which a connection with an unanswered ping is closed. */
export const responseTimeoutMs = 2_500;

/**
 * MQTT keep-alive of CONNECT, seconds. The listener closes the connection of a dead peer after one and a half
 * times this interval. A shorter interval is not needed, because a new connection of the peer replaces the
 * old connection. The interval must exceed the transfer time of one large frame on a slow link.
 */
export const keepAliveSeconds = 30;

/**
 * Time from the acceptance of a TCP connection at the listener to the acceptance of its CONNECT, TLS included. Peers
 * give up after the same time ({@link connectTimeoutMs}).
 */
export const authenticationTimeoutMs = 2_000;

/**
 * Connections from one network (an IPv4 address, or 64 bits of IPv6) that have not been authenticated yet. The
 * connections of all peers together may come from one address, for example in a lab or behind NAT, so the network of
 * a peer has {@link connectionsPerPeer} places more for each peer.
 */
export const unauthenticatedPerNetworkMax = 16;

/** Connections that have not been authenticated yet, from all networks that are not those of a peer. */
export const strangersMax = 32;

/**
 * Connections a second that one network may open if no peer has connected from it; five times as many at once. A TLS
 * handshake costs about a millisecond of processor time, also for a stranger that is refused in the end. A peer with a
 * new address needs two connections.
 */
export const strangersPerSecond = 4;

/** Connections of one peer: `raft` and `log`. */
export const connectionsPerPeer = 2;

/** Interval between two look-ups of the addresses of peers with a host name. */
export const peerAddressIntervalMs = 60_000;

/** Minimum interval between two equal log messages about the same peer. */
export const logIntervalMs = 10_000;

/** Maximum nesting of the values in a frame. A relayed append with a configuration entry has eight levels. */
export const frameDepthMax = 16;

/** Interval of metric updates per peer; shorter than a usual scrape interval. */
export const reportIntervalMs = 5_000;
