import type { Message, Subscription } from '@mqtt-cluster/contracts';
import { SubscriptionTrie } from '@mqtt-cluster/mqtt-state';
import type { Connection } from './connections/connection.ts';

interface Entry {
  readonly connection: Connection;
  readonly subscription: Subscription;
}

/**
 * The subscriptions of this home's connected clients. Counts the connections of each filter, so that this
 * member can announce its interest to the peers.
 */
export class Router {
  readonly #trie = new SubscriptionTrie<Entry>();
  readonly #filterCounts = new Map<string, number>();
  #added = new Set<string>();
  #removed = new Set<string>();
  #round = 0;

  get filters(): Iterable<string> {
    return this.#filterCounts.keys();
  }

  add(connection: Connection, subscription: Subscription): void {
    const known = connection.subscriptions.has(subscription.filter);
    connection.subscriptions.set(subscription.filter, subscription);
    this.#trie.add(subscription.filter, connection.key, { connection, subscription });
    if (!known) this.#count(subscription.filter, 1);
  }

  /** @returns whether the connection had this subscription */
  remove(connection: Connection, filter: string): boolean {
    if (!connection.subscriptions.delete(filter)) return false;
    connection.retained = connection.retained.filter(({ subscription }) => subscription.filter !== filter);
    this.#trie.remove(filter, connection.key);
    this.#count(filter, -1);
    return true;
  }

  removeAll(connection: Connection): void {
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
      if (subscription.noLocal && message.publisher === connection.client) return; // [MQTT-3.8.3-3]
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

  /** Returns the filters that were added and removed since the last call, or null without a change. */
  takeChanges(): { add: string[]; remove: string[] } | null {
    if (this.#added.size + this.#removed.size === 0) return null;
    const changes = { add: [...this.#added], remove: [...this.#removed] };
    this.#added = new Set();
    this.#removed = new Set();
    return changes;
  }

  #count(filter: string, change: 1 | -1): void {
    const count = (this.#filterCounts.get(filter) ?? 0) + change;
    if (count > 0) this.#filterCounts.set(filter, count);
    else this.#filterCounts.delete(filter);
    if (change === 1 && count === 1 && !this.#removed.delete(filter)) this.#added.add(filter);
    if (change === -1 && count === 0 && !this.#added.delete(filter)) this.#removed.add(filter);
  }
}
