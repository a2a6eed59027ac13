import type { Subscriptions, SubscriptionOptions } from '../types.ts';

/** The subscriptions of the client, and which of them the server has acknowledged in the current session. */
export class SubscriptionTable {
  readonly #subscriptions = new Map<string, SubscriptionOptions>();
  readonly #acknowledged = new Set<string>();

  add(subscriptions: Subscriptions): void {
    for (const [filter, options] of Object.entries(subscriptions)) {
      this.#subscriptions.set(filter, options);
      this.#acknowledged.delete(filter);
    }
  }

  remove(filters: readonly string[]): void {
    for (const filter of filters) {
      this.#subscriptions.delete(filter);
      this.#acknowledged.delete(filter);
    }
  }

  acknowledge(filters: readonly string[]): void {
    for (const filter of filters) if (this.#subscriptions.has(filter)) this.#acknowledged.add(filter);
  }

  /** Must be called when the server has started a session without subscriptions. */
  newSession(): void {
    this.#acknowledged.clear();
  }

  /** Returns the subscriptions that the server has not acknowledged. */
  unacknowledged(): Subscriptions {
    return Object.fromEntries([...this.#subscriptions].filter(([filter]) => !this.#acknowledged.has(filter)));
  }

  matches(topic: string): boolean {
    return [...this.#subscriptions.keys()].some((filter) => filterMatches(filter, topic));
  }
}

/** Returns whether a topic filter matches a topic name (MQTT 5, 4.7). The prefix `$share/group/` is ignored. */
export function filterMatches(filter: string, topic: string): boolean {
  const levels = filter.replace(/^\$share\/[^/]*\//, '').split('/');
  const names = topic.split('/');
  // [MQTT-4.7.2-1]
  if (topic.startsWith('$') && (levels[0] === '#' || levels[0] === '+')) return false;
  for (const [index, level] of levels.entries()) {
    if (level === '#') return true;
    if (index >= names.length) return false;
    if (level !== '+' && level !== names[index]) return false;
  }
  return levels.length === names.length;
}
