/** Bounds of the bridge, each with its reason. All of them hold per peer. */

/**
 * A frame is closed at about this size: large enough to amortise MQTT's and TLS's work, small enough not to
 * stall.
 */
export const frameBodyBytesTarget = 1024 * 1024;

/**
 * What a receiver takes at most; a larger frame is not sent. A snapshot piece or one append stays far below.
 */
export const frameBytesMax = 32 * 1024 * 1024;

/** Beyond it QoS 0 is dropped: a slow link must not make live messages old. */
export const liveBacklogBytesMax = 1024 * 1024;

/** Beyond it bulk is dropped too; the member sends again what nobody acknowledged. */
export const logBacklogBytesMax = 16 * 1024 * 1024;

/** Votes and heartbeats older than this backlog are of no use to anybody. */
export const raftBacklogBytesMax = 1024 * 1024;

/** How long a stop waits for what was sent last: a hand-over of leadership, say. */
export const lastWordsMsMax = 200;

/** TCP, TLS and MQTT CONNECT together. */
export const connectTimeoutMs = 2_000;

/** A connection that has lived this long failed by accident: its first reconnect comes at once. */
export const settledConnectionMs = 1_000;

/** Waits before the reconnects in a row; the last one repeats. Each is spread by half either way. */
export const reconnectDelaysMs: readonly number[] = [5, 20, 50, 100, 200, 350];

/**
 * Waits of connections that the peer refused by CONNACK (another cluster, unknown member): nothing urgent.
 */
export const rejectedDelayMs = 2_000;

/** How often connections are looked after; a bulk connection in use is pinged as often. */
export const pingIntervalMs = 1_000;

/** Votes and heartbeats are answered by the member itself, which notices a silent peer long before a ping would. */
export const raftPingIntervalMs = 2_000;

/** Of connections not used since the last ping: an idle cluster of seven has eighty-four, which must cost little. */
export const quietPingIntervalsMs = { raft: 7_000, log: 15_000 } as const;

/** A connection that owes an answer and on which nothing was heard for so long is torn down. */
export const silenceMsMax = 2_500;

/**
 * MQTT keep alive of the CONNECT, seconds: the listener forgets a dead peer's connection after one and a half
 * times it. Not urgent (the peer's new connection takes it over), and one long frame on a slow link must fit
 * in.
 */
export const keepAliveSeconds = 30;

/** A stranger that connects and says nothing. */
export const foreignConnectTimeoutMs = 3_000;

/** Connections of strangers (and of peers that are taken over) beside the two of each peer. */
export const spareConnectionsMax = 32;

/** The same complaint about the same peer is logged once in this time. */
export const repeatedLogMs = 10_000;

/** How deep values of a frame may nest; a relayed append with a config in an entry has eight levels. */
export const frameDepthMax = 16;

/** Figures of a peer go to its metrics this often: oftener than anybody looks. */
export const reportIntervalMs = 5_000;
