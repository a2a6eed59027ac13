import { detached } from '@mqtt-cluster/contracts';
import { NameOrderedList } from './name-ordered-list.ts';

class TopicNode<T> {
  readonly name: string;
  /** Null for a node without children: most nodes are leaves. */
  children: NameOrderedList<TopicNode<T>> | null = null;
  value: T | undefined = undefined;
  /** Number of marked values of this node and of the nodes below it. */
  marked = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** Receives a value. @returns false to end the visit */
type Visit<T> = (value: T) => boolean;

/** Number of nodes that visits may still examine. Each visit reduces it. */
export interface VisitBudget {
  nodesLeft: number;
}

export interface VisitOptions {
  /** Visits only marked values. */
  readonly markedOnly?: boolean;
  /** Ends the visit when no node is left. Without a budget the visit examines all nodes that can match. */
  readonly budget?: VisitBudget;
}

/** What a visit needs at each node. */
interface Visitor<T> {
  readonly levels: readonly string[];
  readonly markedOnly: boolean;
  readonly isMarked: (value: T) => boolean;
  readonly visit: Visit<T>;
  readonly budget: VisitBudget | undefined;
  /**
   * The names from the last examined node up to the root, when the budget has ended the visit. All nodes before
   * this one are done, and the nodes below it are not.
   */
  stoppedAt: string[] | null;
}

/**
 * Finds values by topic or by topic filter. It is the index of retained messages. Matches come in the order of
 * their topics ({@link compareTopics}), so a visit can end at any topic and continue after that topic later. A
 * visit can be limited to marked values; it then skips branches without marked values.
 */
export class TopicTree<T> {
  readonly #root = new TopicNode<T>('');
  readonly #byTopic = new Map<string, TopicNode<T>>();
  readonly #isMarked: (value: T) => boolean;

  constructor(isMarked: (value: T) => boolean = () => false) {
    this.#isMarked = isMarked;
  }

  get size(): number {
    return this.#byTopic.size;
  }

  get(topic: string): T | undefined {
    return this.#byTopic.get(topic)?.value;
  }

  has(topic: string): boolean {
    return this.#byTopic.has(topic);
  }

  /**
   * Returns the nodes of all topics, in the order in which the topics were first set. No object is created for a node, so
   * a reader can walk over many nodes that it does not need.
   */
  nodes(): { readonly size: number } & Iterable<{ readonly value: T | undefined }> {
    const byTopic = this.#byTopic;
    return { size: byTopic.size, [Symbol.iterator]: () => byTopic.values() };
  }

  set(topic: string, value: T): void {
    const known = this.#byTopic.get(topic);
    const node = known ?? this.#nodeOf(topic);
    const change = this.#markOf(value) - this.#markOf(node.value);
    if (change !== 0) for (const each of this.#path(topic)) each.marked += change;
    node.value = value;
    if (!known) this.#byTopic.set(topic, node);
  }

  /** @returns whether the topic had a value */
  delete(topic: string): boolean {
    const known = this.#byTopic.get(topic);
    if (!known) return false;
    this.#byTopic.delete(topic);
    const path = this.#path(topic);
    if (this.#markOf(known.value) > 0) for (const each of path) each.marked--;
    known.value = undefined;
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
   * false or the budget is exhausted. The topic `after` need not exist. The tree must not change meanwhile.
   * @returns the topic after which the visit has to continue because the budget is exhausted; otherwise null
   */
  visitAfter(
    filter: string,
    after: string | null,
    visit: Visit<T>,
    { markedOnly = false, budget }: VisitOptions = {},
  ): string | null {
    if (!filter.includes('+') && !filter.includes('#')) {
      const value = this.get(filter);
      if (value === undefined || (markedOnly && !this.#isMarked(value))) return null;
      if (after === null || compareTopics(after, filter) < 0) visit(value);
      return null;
    }
    const isMarked = this.#isMarked;
    const levels = filter.split('/');
    const visitor: Visitor<T> = { levels, markedOnly, isMarked, visit, budget, stoppedAt: null };
    visitMatching(visitor, this.#root, 0, after?.split('/') ?? null);
    return visitor.stoppedAt === null ? null : visitor.stoppedAt.reverse().join('/');
  }

  #markOf(value: T | undefined): 0 | 1 {
    return value !== undefined && this.#isMarked(value) ? 1 : 0;
  }

  /** Returns the nodes from the root to the node of a topic. */
  #path(topic: string): TopicNode<T>[] {
    const path: TopicNode<T>[] = [this.#root];
    for (const level of topic.split('/')) {
      const next = path.at(-1)?.children?.find(level);
      if (next) path.push(next);
    }
    return path;
  }

  #nodeOf(topic: string): TopicNode<T> {
    let node = this.#root;
    for (const level of topic.split('/')) {
      node.children ??= new NameOrderedList();
      let child = node.children.find(level);
      if (!child) {
        child = new TopicNode<T>(detached(level, topic));
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
  visitor: Visitor<T>,
  node: TopicNode<T>,
  depth: number,
  after: readonly string[] | null,
): boolean {
  const { levels, markedOnly } = visitor;
  const level = levels[depth];
  if (level === undefined) return visitValue(visitor, node, after);
  if (level === '#') return visitAll(visitor, node, depth, after);
  if (node.children === null) return true;
  const from = after?.[depth];
  if (level !== '+') {
    if (from !== undefined && level < from) return true;
    const child = node.children.find(level);
    if (!child || (markedOnly && child.marked === 0)) return true;
    return enter(visitor, child, depth, level === from ? after : null, visitMatching);
  }
  return node.children.visitFrom(from ?? '', (child) =>
    enter(visitor, child, depth, child.name === from ? after : null, visitMatching),
  );
}

/**
 * Visits a child of a node, unless the budget is exhausted. The nodes on the path to `after` are not counted, so
 * that each visit makes progress. The topic length bounds their number.
 */
function enter<T>(
  visitor: Visitor<T>,
  child: TopicNode<T>,
  depth: number,
  after: readonly string[] | null,
  visitChild: typeof visitMatching,
): boolean {
  const { budget, markedOnly, levels } = visitor;
  const isSkipped =
    (markedOnly && child.marked === 0) ||
    (depth === 0 && levels[0] !== child.name && child.name.startsWith('$'));
  if (budget !== undefined && after === null && --budget.nodesLeft <= 0) {
    // The value of a node whose topic the filter matches comes before the nodes below it.
    const next = levels[depth + 1];
    const isMatch = !isSkipped && (visitChild === visitAll || next === undefined || next === '#');
    if (isMatch && !visitValue(visitor, child, null)) return false;
    visitor.stoppedAt = [child.name];
    return false;
  }
  if (isSkipped || visitChild(visitor, child, depth + 1, after)) return true;
  visitor.stoppedAt?.push(child.name);
  return false;
}

/** Visits a node and all nodes below it: `a/#` matches `a` as well (MQTT 5, 4.7.1.2). */
function visitAll<T>(
  visitor: Visitor<T>,
  node: TopicNode<T>,
  depth: number,
  after: readonly string[] | null,
): boolean {
  if (!visitValue(visitor, node, after)) return false;
  if (node.children === null) return true;
  const from = after?.[depth];
  return node.children.visitFrom(from ?? '', (child) =>
    enter(visitor, child, depth, child.name === from ? after : null, visitAll),
  );
}

/** The value of a node on the path to `after` does not come after that topic. */
function visitValue<T>(
  { markedOnly, isMarked, visit }: Visitor<T>,
  node: TopicNode<T>,
  after: readonly string[] | null,
): boolean {
  if (after !== null || node.value === undefined) return true;
  if (markedOnly && !isMarked(node.value)) return true;
  return visit(node.value);
}
