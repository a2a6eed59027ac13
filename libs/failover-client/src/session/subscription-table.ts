import type { Subscriptions, SubscriptionOptions } from '../types.ts';

/** What is wanted, and what the server has acknowledged in the session of now. */
export class SubscriptionTable {
  readonly #wanted = new Map<string, SubscriptionOptions>();
  readonly #acknowledged = new Set<string>();

  want(subscriptions: Subscriptions): void {
    for (const [filter, options] of Object.entries(subscriptions)) {
      this.#wanted.set(filter, options);
      this.#acknowledged.delete(filter);
    }
  }

  forget(filters: readonly string[]): void {
    for (const filter of filters) {
      this.#wanted.delete(filter);
      this.#acknowledged.delete(filter);
    }
  }

  acknowledge(filters: readonly string[]): void {
    for (const filter of filters) if (this.#wanted.has(filter)) this.#acknowledged.add(filter);
  }

  /** A session without our subscriptions. */
  newSession(): void {
    this.#acknowledged.clear();
  }

  missing(): Subscriptions {
    return Object.fromEntries([...this.#wanted].filter(([filter]) => !this.#acknowledged.has(filter)));
  }

  matches(topic: string): boolean {
    return [...this.#wanted.keys()].some((filter) => filterMatches(filter, topic));
  }
}

/** Section 4.7 of the specification; `$share/group/` in front is left out of account. */
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
