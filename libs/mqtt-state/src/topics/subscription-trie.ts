import { detached } from '@mqtt-cluster/contracts';

/**
 * Bounds of the cache: the number of topics, and the number of matches of all topics together. At either
 * bound the cache is cleared.
 */
const cachedTopicsMax = 4_096;
const cachedMatchesMax = 262_144;

/** The maps of a node are created when they are needed, because most nodes use only one of them. */
class FilterNode<T> {
  children: Map<string, FilterNode<T>> | null = null;
  /** The child for the single-level wildcard `+`. */
  singleLevel: FilterNode<T> | null = null;
  /** Filters that end here. */
  values: Map<string, T> | null = null;
  /** Filters that end with `#` below this level. They match this level as well (MQTT 5, 4.7.1.2). */
  multiLevel: Map<string, T> | null = null;

  get empty(): boolean {
    const { children, singleLevel, values, multiLevel } = this;
    return children === null && singleLevel === null && values === null && multiLevel === null;
  }

  add(key: string, value: T, isMultiLevel: boolean): void {
    if (isMultiLevel) (this.multiLevel ??= new Map<string, T>()).set(key, value);
    else (this.values ??= new Map<string, T>()).set(key, value);
  }

  has(key: string, isMultiLevel: boolean): boolean {
    return (isMultiLevel ? this.multiLevel : this.values)?.has(key) ?? false;
  }

  /** @returns whether the node had the key */
  delete(key: string, isMultiLevel: boolean): boolean {
    const values = isMultiLevel ? this.multiLevel : this.values;
    if (values?.delete(key) !== true) return false;
    if (values.size > 0) return true;
    if (isMultiLevel) this.multiLevel = null;
    else this.values = null;
    return true;
  }

  addChild(level: string): FilterNode<T> {
    const added = new FilterNode<T>();
    if (level === '+') this.singleLevel = added;
    else (this.children ??= new Map<string, FilterNode<T>>()).set(level, added);
    return added;
  }

  child(level: string): FilterNode<T> | null {
    return level === '+' ? this.singleLevel : (this.children?.get(level) ?? null);
  }

  removeChild(level: string): void {
    if (level === '+') this.singleLevel = null;
    else if (this.children?.delete(level) === true && this.children.size === 0) this.children = null;
  }
}

/**
 * Finds values by topic; each value was added under a topic filter and a key. Filters must be valid and not
 * shared. The order of the matches depends on filters and keys only, not on when they were added: a member that has
 * installed a snapshot adds them in another order than its peers.
 */
export class SubscriptionTrie<T> {
  readonly #root = new FilterNode<T>();
  readonly #cache = new Map<string, readonly T[]>();
  #cachedMatches = 0;
  #size = 0;
  #nodes = 0;

  /** Number of nodes. It depends only on the filters, not on the order in which they were added. */
  get nodes(): number {
    return this.#nodes;
  }

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
    for (const level of levels) {
      let next = node.child(level);
      if (!next) {
        next = node.addChild(detached(level, filter));
        this.#nodes++;
      }
      node = next;
    }
    if (!node.has(key, isMultiLevel)) this.#size++;
    node.add(key, value, isMultiLevel);
  }

  /** @returns whether the pair of filter and key existed */
  remove(filter: string, key: string): boolean {
    const levels = filter.split('/');
    const isMultiLevel = levels.at(-1) === '#';
    if (isMultiLevel) levels.pop();
    const path: FilterNode<T>[] = [this.#root];
    for (const level of levels) {
      const next = path.at(-1)?.child(level);
      if (!next) return false;
      path.push(next);
    }
    if (path.at(-1)?.delete(key, isMultiLevel) !== true) return false;
    this.#clearCache();
    this.#size--;
    this.#nodes -= prune(path, levels);
    return true;
  }

  /** Returns the values of exactly this filter. */
  withFilter(filter: string): Iterable<T> {
    const levels = filter.split('/');
    const isMultiLevel = levels.at(-1) === '#';
    if (isMultiLevel) levels.pop();
    let node: FilterNode<T> | null = this.#root;
    for (const level of levels) node = node?.child(level) ?? null;
    return (isMultiLevel ? node?.multiLevel : node?.values)?.values() ?? [];
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

/** Removes the empty nodes at the end of a path. @returns their number */
function prune<T>(path: readonly FilterNode<T>[], levels: readonly string[]): number {
  let removed = 0;
  for (let depth = path.length - 1; depth > 0; depth--) {
    const parent = path[depth - 1];
    const level = levels[depth - 1];
    if (!path[depth]?.empty || !parent || level === undefined) break;
    parent.removeChild(level);
    removed++;
  }
  return removed;
}

function collect<T>(
  node: FilterNode<T>,
  levels: readonly string[],
  depth: number,
  isDollarTopic: boolean,
  found: T[],
): void {
  const wildcardsMatch = depth > 0 || !isDollarTopic; // [MQTT-4.7.2-1]
  if (wildcardsMatch && node.multiLevel) addInOrder(node.multiLevel, found);
  const level = levels[depth];
  if (level === undefined) {
    if (node.values) addInOrder(node.values, found);
    return;
  }
  const child = node.children?.get(level);
  if (child) collect(child, levels, depth + 1, isDollarTopic, found);
  if (wildcardsMatch && node.singleLevel) collect(node.singleLevel, levels, depth + 1, isDollarTopic, found);
}

/** Adds the values in the order of their keys. */
function addInOrder<T>(values: ReadonlyMap<string, T>, found: T[]): void {
  if (values.size === 1) {
    for (const value of values.values()) found.push(value);
    return;
  }
  for (const key of [...values.keys()].sort()) found.push(values.get(key)!);
}
