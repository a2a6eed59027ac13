/**
 * Unique name of a member: 1 to 32 characters of `[a-z0-9.-]`. It stays the same when the host is replaced.
 */
export type MemberId = string;

/**
 * Random name of one store on disk (32 hex digits). A wiped disk gets a new id, so peers can distinguish it
 * from the former store.
 */
export type StoreId = string;

/** Start counter of a store: 1 at the first start. Every later start increments it and syncs it to disk. */
export type Incarnation = number;

/** MQTT client identifier. */
export type ClientId = string;

/** Position in the log. The first entry has index 1. */
export type LogIndex = number;

/**
 * Fencing token of one opening of a client's session. Epochs are unique in the cluster and rise. Every
 * command of a connection contains the epoch of the connection. Members ignore a command when its epoch is
 * not the current epoch of the client (docs/DESIGN.md, "Epochs").
 */
export type Epoch = number;

/** Number of one client connection at its home. It is not sent to other members. */
export type ConnectionId = number;

/** The id of a member, and the id of the store that the cluster accepts for this member. */
export interface MemberIdentity {
  readonly id: MemberId;
  readonly storeId: StoreId;
}
