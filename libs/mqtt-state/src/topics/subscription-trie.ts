/** Topics whose matches are remembered, and how many matches in all; beyond either all are forgotten. */
const cachedTopicsMax = 4_096;
const cachedMatchesMax = 262_144;

class FilterNode<T> {
  readonly children = new Map<string, FilterNode<T>>();
  /** Below `+`. */
  single: FilterNode<T> | null = null;
  /** Filters that end here. */
  readonly values = new Map<string, T>();
  /** Filters that end with `#` below here; they match this level too (MQTT 5, 4.7.1.2). */
  readonly multi = new Map<string, T>();

  get empty(): boolean {
    return (
      this.children.size === 0 && this.single === null && this.values.size === 0 && this.multi.size === 0
    );
  }
}

/**
 * Values by filter and key, found by topic. Filters are valid and not shared ones. Within one filter values come in
 * the order of their first `add`; across filters in an order that only depends on the filters.
 */
export class SubscriptionTrie<T> {
  readonly #root = new FilterNode<T>();
  readonly #cache = new Map<string, readonly T[]>();
  #cachedMatches = 0;
  #size = 0;

  /** Pairs of filter and key. */
  get size(): number {
    return this.#size;
  }

  /** Replaces the value of the same filter and key. */
  add(filter: string, key: string, value: T): void {
    this.#clearCache();
    const levels = filter.split('/');
    const multi = levels.at(-1) === '#';
    if (multi) levels.pop();
    let node = this.#root;
    for (const level of levels) node = childFor(node, level);
    const values = multi ? node.multi : node.values;
    if (!values.has(key)) this.#size++;
    values.set(key, value);
  }

  /** @returns whether it was there. */
  remove(filter: string, key: string): boolean {
    const levels = filter.split('/');
    const multi = levels.at(-1) === '#';
    if (multi) levels.pop();
    const path: FilterNode<T>[] = [this.#root];
    for (const level of levels) {
      const node = path.at(-1);
      const next = level === '+' ? node?.single : node?.children.get(level);
      if (!next) return false;
      path.push(next);
    }
    const last = path.at(-1);
    if (!last || !(multi ? last.multi : last.values).delete(key)) return false;
    this.#clearCache();
    this.#size--;
    prune(path, levels);
    return true;
  }

  match(topic: string, visit: (value: T) => void): void {
    for (const value of this.matches(topic)) visit(value);
  }

  /** All values whose filter matches; a value once per filter. The array stays as it is when filters change. */
  matches(topic: string): readonly T[] {
    const cached = this.#cache.get(topic);
    if (cached) return cached;
    const found: T[] = [];
    collect(this.#root, topic.split('/'), 0, topic.startsWith('$'), found);
    if (this.#cache.size >= cachedTopicsMax || this.#cachedMatches + found.length > cachedMatchesMax) {
      this.#clearCache();
    }
    this.#cache.set(topic, found);
    this.#cachedMatches += found.length;
    return found;
  }

  #clearCache(): void {
    this.#cache.clear();
    this.#cachedMatches = 0;
  }
}

function childFor<T>(node: FilterNode<T>, level: string): FilterNode<T> {
  const known = level === '+' ? node.single : node.children.get(level);
  if (known) return known;
  const added = new FilterNode<T>();
  if (level === '+') node.single = added;
  else node.children.set(level, added);
  return added;
}

function prune<T>(path: readonly FilterNode<T>[], levels: readonly string[]): void {
  for (let depth = path.length - 1; depth > 0; depth--) {
    const parent = path[depth - 1];
    const level = levels[depth - 1];
    if (!path[depth]?.empty || !parent || level === undefined) return;
    if (level === '+') parent.single = null;
    else parent.children.delete(level);
  }
}

function collect<T>(
  node: FilterNode<T>,
  levels: readonly string[],
  depth: number,
  dollar: boolean,
  found: T[],
): void {
  const wildcards = depth > 0 || !dollar; // [MQTT-4.7.2-1]
  if (wildcards) for (const value of node.multi.values()) found.push(value);
  const level = levels[depth];
  if (level === undefined) {
    for (const value of node.values.values()) found.push(value);
    return;
  }
  const child = node.children.get(level);
  if (child) collect(child, levels, depth + 1, dollar, found);
  if (wildcards && node.single) collect(node.single, levels, depth + 1, dollar, found);
}
