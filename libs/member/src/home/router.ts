import type { Message, Subscription } from '@mqtt-cluster/contracts';
import { mayReceive, subscriptionBytes, SubscriptionTrie } from '@mqtt-cluster/mqtt-state';
import type { Connection } from './connections/connection.ts';
import { interestIn } from './live/interest-filter.ts';

/** A connection of this home and one of its subscriptions. */
interface Entry {
  readonly connection: Connection;
  readonly subscription: Subscription;
}

interface Announced {
  /** Subscriptions of this filter, and subscriptions that are proposed and not applied. */
  count: number;
  /** The version of the interest that announced the filter. */
  version: number;
}

/**
 * The subscriptions of this home's connected clients. Counts the connections of each filter, so that this
 * member can announce its interest to the peers.
 */
export class Router {
  readonly #trie = new SubscriptionTrie<Entry>();
  readonly #announced = new Map<string, Announced>();
  /** Filters of each connection that are announced before their subscriptions exist, with their counts. */
  readonly #early = new Map<Connection, Map<string, number>>();
  #added = new Set<string>();
  #removed = new Map<string, Announced>();
  #round = 0;
  #bytes = 0;
  #version = 0;

  /**
   * The filters that the peers may have, in the form of {@link interestIn}. They include the filters that were removed
   * since `takeChanges`, because a filter that is added again before its removal is announced is not part of the changes.
   */
  *filters(): Iterable<string> {
    yield* this.#announced.keys();
    yield* this.#removed.keys();
  }

  /** Bytes of memory of all subscriptions. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The version of the interest that was last taken by `takeChanges`. */
  get version(): number {
    return this.#version;
  }

  get hasChanges(): boolean {
    return this.#added.size + this.#removed.size > 0;
  }

  /** Returns the newest version of the interest in these filters. */
  interestVersion(filters: Iterable<string>): number {
    let newest = 0;
    for (const filter of filters)
      newest = Math.max(newest, this.#announced.get(interestIn(filter))?.version ?? 0);
    return newest;
  }

  /**
   * Announces a filter before the log has its subscription, so that the peers have the interest when the
   * subscription is applied. `add` and then `retract` replace the announcement by the subscription.
   */
  announce(connection: Connection, filter: string): void {
    let filters = this.#early.get(connection);
    if (filters === undefined) this.#early.set(connection, (filters = new Map<string, number>()));
    filters.set(filter, (filters.get(filter) ?? 0) + 1);
    this.#count(filter, 1);
  }

  /** Ends one announcement of this filter. Does nothing if there is none. */
  retract(connection: Connection, filter: string): void {
    const filters = this.#early.get(connection);
    const count = filters?.get(filter);
    if (filters === undefined || count === undefined) return;
    if (count > 1) filters.set(filter, count - 1);
    else filters.delete(filter);
    if (filters.size === 0) this.#early.delete(connection);
    this.#count(filter, -1);
  }

  /** Ends all announcements of a connection. */
  retractAll(connection: Connection): void {
    const filters = this.#early.get(connection);
    if (filters === undefined) return;
    this.#early.delete(connection);
    for (const [filter, count] of filters) this.#count(filter, -count);
  }

  /**
   * Does nothing for a connection that has ended: the deferred packets of such a connection are handled after `removeAll`,
   * and no later event would remove the subscription.
   */
  add(connection: Connection, subscription: Subscription): void {
    if (connection.phase === 'gone') return;
    const known = connection.subscriptions.has(subscription.filter);
    if (!known) this.#charge(connection, subscriptionBytes(subscription));
    connection.subscriptions.set(subscription.filter, subscription);
    this.#trie.add(subscription.filter, connection.key, { connection, subscription });
    if (!known) this.#count(subscription.filter, 1);
  }

  /** @returns whether the connection had this subscription */
  remove(connection: Connection, filter: string): boolean {
    const subscription = connection.subscriptions.get(filter);
    if (subscription === undefined) return false;
    connection.subscriptions.delete(filter);
    this.#charge(connection, -subscriptionBytes(subscription));
    connection.retained = connection.retained.filter(({ subscription }) => subscription.filter !== filter);
    this.#trie.remove(filter, connection.key);
    this.#count(filter, -1);
    return true;
  }

  removeAll(connection: Connection): void {
    this.retractAll(connection);
    for (const filter of [...connection.subscriptions.keys()]) this.remove(connection, filter);
  }

  /**
   * Returns the connections with a matching subscription, each once. Sets their `match…` fields to the
   * highest granted QoS and all identifiers (MQTT 5, 3.3.4: overlapping subscriptions may share one copy).
   */
  match(message: Message): Connection[] {
    const round = ++this.#round;
    const matched: Connection[] = [];
    this.#trie.match(message.topic, ({ connection, subscription }) => {
      if (!mayReceive(subscription, connection.client, message)) return;
      if (connection.matchRound !== round) {
        connection.matchRound = round;
        connection.matchQoS = subscription.qos;
        connection.matchRetainAsPublished = false;
        connection.matchIdentifiers = undefined;
        matched.push(connection);
      } else if (subscription.qos > connection.matchQoS) connection.matchQoS = subscription.qos;
      if (subscription.retainAsPublished) connection.matchRetainAsPublished = true;
      const identifier = subscription.subscriptionIdentifier;
      if (identifier !== undefined) (connection.matchIdentifiers ??= []).push(identifier);
    });
    return matched;
  }

  /** Returns whether a client of this home has a matching subscription, without regard to No Local. */
  matchesTopic(topic: string): boolean {
    return this.#trie.matches(topic).length > 0;
  }

  /** Returns the connections whose subscriptions match a topic, once for each subscription. */
  subscribers(topic: string): Iterable<Entry> {
    return this.#trie.matches(topic);
  }

  /** Returns the connections with a subscription of exactly this filter. */
  subscribersWithFilter(filter: string): Iterable<Entry> {
    return this.#trie.withFilter(filter);
  }

  /**
   * Returns the filters that were added and removed since the last call, with the new version of the interest,
   * or null without a change.
   */
  takeChanges(): { version: number; add: string[]; remove: string[] } | null {
    if (!this.hasChanges) return null;
    const changes = { version: ++this.#version, add: [...this.#added], remove: [...this.#removed.keys()] };
    this.#added = new Set();
    this.#removed = new Map();
    return changes;
  }

  #charge(connection: Connection, bytes: number): void {
    connection.subscriptionBytes += bytes;
    this.#bytes += bytes;
  }

  #count(subscribed: string, change: number): void {
    const filter = interestIn(subscribed);
    const announced = this.#announced.get(filter);
    if (announced === undefined) {
      // The peers still have a filter that was removed in this turn.
      const { version } = this.#removed.get(filter) ?? { version: this.#version + 1 };
      if (!this.#removed.delete(filter)) this.#added.add(filter);
      this.#announced.set(filter, { count: change, version });
      return;
    }
    announced.count += change;
    if (announced.count > 0) return;
    this.#announced.delete(filter);
    if (!this.#added.delete(filter)) this.#removed.set(filter, announced);
  }
}
