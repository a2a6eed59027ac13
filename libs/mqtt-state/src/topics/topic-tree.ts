import { NameOrderedList } from './name-ordered-list.ts';

class TopicNode<T> {
  readonly name: string;
  /** Null for a node without children: most nodes are leaves. */
  children: NameOrderedList<TopicNode<T>> | null = null;
  value: T | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }
}

/** Receives a value. @returns false to end the visit */
type Visit<T> = (value: T) => boolean;

/**
 * Finds values by topic or by topic filter. It is the index of retained messages. Matches come in the order of
 * their topics ({@link compareTopics}), so a visit can end at any topic and continue after that topic later.
 */
export class TopicTree<T> {
  readonly #root = new TopicNode<T>('');
  readonly #byTopic = new Map<string, TopicNode<T>>();

  get size(): number {
    return this.#byTopic.size;
  }

  get(topic: string): T | undefined {
    return this.#byTopic.get(topic)?.value;
  }

  has(topic: string): boolean {
    return this.#byTopic.has(topic);
  }

  /** Returns all topics with their values, in the order in which the topics were first set. */
  *entries(): IterableIterator<[string, T]> {
    for (const [topic, { value }] of this.#byTopic) yield [topic, value as T];
  }

  set(topic: string, value: T): void {
    const known = this.#byTopic.get(topic);
    const node = known ?? this.#nodeOf(topic);
    node.value = value;
    if (!known) this.#byTopic.set(topic, node);
  }

  /** @returns whether the topic had a value */
  delete(topic: string): boolean {
    if (!this.#byTopic.delete(topic)) return false;
    const path: TopicNode<T>[] = [this.#root];
    for (const level of topic.split('/')) {
      const next = path.at(-1)?.children?.find(level);
      if (!next) return true;
      path.push(next);
    }
    const last = path.at(-1);
    if (last) last.value = undefined;
    for (let depth = path.length - 1; depth > 0; depth--) {
      const node = path[depth];
      const parent = path[depth - 1];
      if (!node || !parent?.children || node.value !== undefined || node.children !== null) break;
      parent.children.remove(node.name);
      if (parent.children.isEmpty) parent.children = null;
    }
    return true;
  }

  /**
   * Visits the values of all matching topics. A wildcard in the first level matches no `$` topic
   * [MQTT-4.7.2-1].
   */
  match(filter: string, visit: (value: T) => void): void {
    this.visitAfter(filter, null, (value) => {
      visit(value);
      return true;
    });
  }

  /**
   * Visits the values of the matching topics that follow the topic `after`, in order, until `visit` returns
   * false. The topic `after` need not exist. The tree must not change meanwhile.
   */
  visitAfter(filter: string, after: string | null, visit: Visit<T>): void {
    if (!filter.includes('+') && !filter.includes('#')) {
      const value = this.get(filter);
      if (value !== undefined && (after === null || compareTopics(after, filter) < 0)) visit(value);
      return;
    }
    visitMatching(this.#root, filter.split('/'), 0, after?.split('/') ?? null, visit);
  }

  #nodeOf(topic: string): TopicNode<T> {
    let node = this.#root;
    for (const level of topic.split('/')) {
      node.children ??= new NameOrderedList();
      let child = node.children.find(level);
      if (!child) {
        child = new TopicNode<T>(level);
        node.children.add(child);
      }
      node = child;
    }
    return node;
  }
}

/**
 * Compares two topics level by level, in the order of UTF-16 code units: negative if `left` comes first. A
 * topic comes before the topics below it.
 */
export function compareTopics(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let position = 0; position < length; position++) {
    if (left[position] === right[position]) continue;
    // The end of a level comes before every other character.
    if (left[position] === '/') return -1;
    if (right[position] === '/') return 1;
    return left.charCodeAt(position) - right.charCodeAt(position);
  }
  return left.length - right.length;
}

/**
 * @param after levels of the topic after which the visit starts, or null if all of the node comes after that
 *   topic. If `after` is given, the first `depth` levels of `after` lead to the node.
 * @returns false if `visit` returned false
 */
function visitMatching<T>(
  node: TopicNode<T>,
  levels: readonly string[],
  depth: number,
  after: readonly string[] | null,
  visit: Visit<T>,
): boolean {
  const level = levels[depth];
  if (level === undefined) return visitValue(node, after, visit);
  // `a/#` matches `a` as well (MQTT 5, 4.7.1.2).
  if (level === '#' && !visitValue(node, after, visit)) return false;
  if (node.children === null) return true;
  const from = after?.[depth];
  if (level !== '+' && level !== '#') {
    if (from !== undefined && level < from) return true;
    const child = node.children.find(level);
    return !child || visitMatching(child, levels, depth + 1, level === from ? after : null, visit);
  }
  return node.children.visitFrom(from ?? '', (child) => {
    if (depth === 0 && child.name.startsWith('$')) return true;
    const bound = child.name === from ? after : null;
    if (level === '#') return visitAll(child, depth + 1, bound, visit);
    return visitMatching(child, levels, depth + 1, bound, visit);
  });
}

function visitAll<T>(
  node: TopicNode<T>,
  depth: number,
  after: readonly string[] | null,
  visit: Visit<T>,
): boolean {
  if (!visitValue(node, after, visit)) return false;
  if (node.children === null) return true;
  const from = after?.[depth];
  return node.children.visitFrom(from ?? '', (child) =>
    visitAll(child, depth + 1, child.name === from ? after : null, visit),
  );
}

/** The value of a node on the path to `after` does not come after that topic. */
function visitValue<T>(node: TopicNode<T>, after: readonly string[] | null, visit: Visit<T>): boolean {
  return after !== null || node.value === undefined || visit(node.value);
}
