/**
 * Bounds of the cache: the number of topics, and the number of matches of all topics together. At either
 * bound the cache is cleared.
 */
const cachedTopicsMax = 4_096;
const cachedMatchesMax = 262_144;

class FilterNode<T> {
  readonly children = new Map<string, FilterNode<T>>();
  /** The child for the single-level wildcard `+`. */
  singleLevel: FilterNode<T> | null = null;
  /** Filters that end here. */
  readonly values = new Map<string, T>();
  /** Filters that end with `#` below this level. They match this level as well (MQTT 5, 4.7.1.2). */
  readonly multiLevel = new Map<string, T>();

  get empty(): boolean {
    return (
      this.children.size === 0 &&
      this.singleLevel === null &&
      this.values.size === 0 &&
      this.multiLevel.size === 0
    );
  }
}

/**
 * Finds values by topic; each value was added under a topic filter and a key. Filters must be valid and not
 * shared. Values of one filter are returned in the order in which they were first added. The order of the
 * filters does not depend on when they were added.
 */
export class SubscriptionTrie<T> {
  readonly #root = new FilterNode<T>();
  readonly #cache = new Map<string, readonly T[]>();
  #cachedMatches = 0;
  #size = 0;

  /** Number of values, one for each pair of filter and key. */
  get size(): number {
    return this.#size;
  }

  /** Adds a value, or replaces the value of the same filter and key. */
  add(filter: string, key: string, value: T): void {
    this.#clearCache();
    const levels = filter.split('/');
    const isMultiLevel = levels.at(-1) === '#';
    if (isMultiLevel) levels.pop();
    let node = this.#root;
    for (const level of levels) node = childFor(node, level);
    const values = isMultiLevel ? node.multiLevel : node.values;
    if (!values.has(key)) this.#size++;
    values.set(key, value);
  }

  /** @returns whether the pair of filter and key existed */
  remove(filter: string, key: string): boolean {
    const levels = filter.split('/');
    const isMultiLevel = levels.at(-1) === '#';
    if (isMultiLevel) levels.pop();
    const path: FilterNode<T>[] = [this.#root];
    for (const level of levels) {
      const node = path.at(-1);
      const next = level === '+' ? node?.singleLevel : node?.children.get(level);
      if (!next) return false;
      path.push(next);
    }
    const last = path.at(-1);
    if (!last || !(isMultiLevel ? last.multiLevel : last.values).delete(key)) return false;
    this.#clearCache();
    this.#size--;
    prune(path, levels);
    return true;
  }

  match(topic: string, visit: (value: T) => void): void {
    for (const value of this.matches(topic)) visit(value);
  }

  /**
   * Returns the values of all matching filters, one for each pair of filter and key. The returned array never
   * changes.
   */
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
  const known = level === '+' ? node.singleLevel : node.children.get(level);
  if (known) return known;
  const added = new FilterNode<T>();
  if (level === '+') node.singleLevel = added;
  else node.children.set(level, added);
  return added;
}

function prune<T>(path: readonly FilterNode<T>[], levels: readonly string[]): void {
  for (let depth = path.length - 1; depth > 0; depth--) {
    const parent = path[depth - 1];
    const level = levels[depth - 1];
    if (!path[depth]?.empty || !parent || level === undefined) return;
    if (level === '+') parent.singleLevel = null;
    else parent.children.delete(level);
  }
}

function collect<T>(
  node: FilterNode<T>,
  levels: readonly string[],
  depth: number,
  isDollarTopic: boolean,
  found: T[],
): void {
  const wildcardsMatch = depth > 0 || !isDollarTopic; // [MQTT-4.7.2-1]
  if (wildcardsMatch) for (const value of node.multiLevel.values()) found.push(value);
  const level = levels[depth];
  if (level === undefined) {
    for (const value of node.values.values()) found.push(value);
    return;
  }
  const child = node.children.get(level);
  if (child) collect(child, levels, depth + 1, isDollarTopic, found);
  if (wildcardsMatch && node.singleLevel) collect(node.singleLevel, levels, depth + 1, isDollarTopic, found);
}
