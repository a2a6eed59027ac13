/** A member's name in the cluster: 1 to 32 of `[a-z0-9.-]`. Unique; stays when the host is replaced. */
export type MemberId = string;

/** Random name of one store on disk (32 hex digits). A wiped disk gets a new one, so it can't pass for the old. */
export type StoreId = string;

/** Start counter of a store: 1 at the first start, one more (synced) at every later one. */
export type Incarnation = number;

/** MQTT client identifier. */
export type ClientId = string;

/** Position in the log, from 1. */
export type LogIndex = number;

/**
 * The number of one opening of a client's session, unique in the cluster and rising. Every command of a
 * connection names it; when it isn't the client's current one the command is void (design: epoch).
 */
export type Epoch = number;

/** Local number of one client connection at its home; never leaves the member. */
export type ConnectionId = number;

/** One member as the cluster knows it. */
export interface MemberIdentity {
  readonly id: MemberId;
  readonly storeId: StoreId;
}
