import type { ConnectionAccess } from './access.ts';
import type { ClientId, ConnectionId, Epoch, LogIndex, MemberId } from './ids.ts';
import type { Message, Subscription, Will } from './message.ts';

/**
 * Part of a list. `next` is the cursor of the next page, or null after the last item. The items of all pages are
 * in one order, so an item that exists during the whole listing occurs exactly once, while others come and go.
 */
export interface StatePage<Item, Cursor> {
  readonly items: readonly Item[];
  readonly next: Cursor | null;
}

/** The part of a session that only the home of its client holds. */
export interface HomeSessionInfo {
  readonly connection: ConnectionId;
  /** When CONNECT arrived, in milliseconds of the clock that the caller of the member has chosen. */
  readonly connectedAtMs: number;
  /** Messages that the client has received and not yet acknowledged. */
  readonly inFlight: number;
  /** Messages of this connection that the home has dropped, besides those of the replicated queue. */
  readonly dropped: number;
}

/** One session as this member has applied it, with the part that only this member holds. */
export interface SessionInfo {
  readonly client: ClientId;
  /** 0: an isolated member accepted the connection, and the cluster has not opened the session yet. */
  readonly epoch: Epoch;
  readonly connected: boolean;
  /** The member that the client is connected to. Null while the client is not connected. */
  readonly home: MemberId | null;
  /** True when the session ends with its connection. */
  readonly clean: boolean;
  readonly expirySeconds: number;
  readonly receiveMaximum: number;
  /** The user that the session belongs to. */
  readonly owner: string | null;
  /** The user, address and listener of the current or last connection, as far as the member has them. */
  readonly access: ConnectionAccess | null;
  readonly will: Will | null;
  /**
   * Number of subscriptions. The home of a clean session holds them, so a member that is not the home counts only
   * shared subscriptions. The same is true for the queue.
   */
  readonly subscriptions: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /**
   * Messages that this member has seen dropped from the replicated queue, or for it, since it has the session in memory. A
   * restart and an installed snapshot set the number to 0.
   */
  readonly dropped: number;
  /** Null if this member is not the home of the client. */
  readonly atHome: HomeSessionInfo | null;
}

export interface SessionDetail extends SessionInfo {
  /** The subscriptions that {@link SessionInfo.subscriptions} counts, in the order of their filters. */
  readonly subscriptionList: readonly Subscription[];
}

/** The position of a subscription in a list: first by client id, then by filter. */
export interface SubscriptionCursor {
  readonly client: ClientId;
  readonly filter: string;
}

export interface SubscriptionInfo {
  readonly client: ClientId;
  readonly subscription: Subscription;
  readonly shared: boolean;
  readonly connected: boolean;
  readonly home: MemberId | null;
}

/** `all`: the replicated subscriptions and those of this home. `home`: only those that no other member holds. */
export type SubscriptionScope = 'all' | 'home';

/** One retained message. */
export interface RetainedInfo {
  readonly message: Message;
  /** Index of the log entry that set the message. */
  readonly index: LogIndex;
  /** Remaining Message Expiry Interval, seconds [MQTT-3.3.2-6]. Null: the message does not expire. */
  readonly expiresInSeconds: number | null;
}

/**
 * Reads the state of one member: the replicated state as of the last entry that it applied, and the state that only
 * this member holds for its clients. Each call reads the present state. Limits are numbers of items and at least 1.
 * All orders are those of UTF-16 code units.
 */
export interface StateView {
  /** Returns the sessions after a client id (null: from the start), in the order of client ids. */
  sessionsAfter(cursor: ClientId | null, limit: number): StatePage<SessionInfo, ClientId>;
  session(client: ClientId): SessionDetail | undefined;
  /** Returns the subscriptions that match a topic. The time of a call grows with their number, not with `limit`. */
  subscribersOf(
    topic: string,
    after: SubscriptionCursor | null,
    limit: number,
    scope?: SubscriptionScope,
  ): StatePage<SubscriptionInfo, SubscriptionCursor>;
  /** Returns the subscriptions with exactly this filter. `$share/ShareName/filter` is a filter of its own. */
  subscriptionsOf(
    filter: string,
    after: SubscriptionCursor | null,
    limit: number,
    scope?: SubscriptionScope,
  ): StatePage<SubscriptionInfo, SubscriptionCursor>;
  /**
   * Returns all subscriptions after a position (null: from the start).
   * @param budget bound on the sessions and subscriptions that the call examines; it examines at least one session. At
   *   the bound the page may have fewer items than `limit`, even none, and its `next` is not null.
   */
  subscriptionsAfter(
    after: SubscriptionCursor | null,
    limit: number,
    budget: number,
    scope?: SubscriptionScope,
  ): StatePage<SubscriptionInfo, SubscriptionCursor>;
  /**
   * Returns the retained messages that match a filter and whose topics follow the topic `cursor`, level by level. The
   * topic of the cursor need not exist any more.
   * @param budget bound on the topic levels that the call examines. At the bound the page may have fewer items than
   *   `limit`, even none, and its `next` is not null.
   */
  retainedAfter(
    filter: string,
    cursor: string | null,
    limit: number,
    budget: number,
  ): StatePage<RetainedInfo, string>;
  retained(topic: string): RetainedInfo | undefined;
}
