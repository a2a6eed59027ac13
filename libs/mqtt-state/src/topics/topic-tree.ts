class TopicNode<T> {
  readonly children = new Map<string, TopicNode<T>>();
  value: T | undefined = undefined;
}

/** Finds values by topic or by topic filter. It is the index of retained messages. */
export class TopicTree<T> {
  readonly #root = new TopicNode<T>();
  readonly #byTopic = new Map<string, T>();

  get size(): number {
    return this.#byTopic.size;
  }

  get(topic: string): T | undefined {
    return this.#byTopic.get(topic);
  }

  has(topic: string): boolean {
    return this.#byTopic.has(topic);
  }

  /** Returns all topics with their values, in the order in which the topics were first set. */
  entries(): IterableIterator<[string, T]> {
    return this.#byTopic.entries();
  }

  set(topic: string, value: T): void {
    this.#byTopic.set(topic, value);
    let node = this.#root;
    for (const level of topic.split('/')) {
      let child = node.children.get(level);
      if (!child) {
        child = new TopicNode<T>();
        node.children.set(level, child);
      }
      node = child;
    }
    node.value = value;
  }

  /** @returns whether the topic had a value */
  delete(topic: string): boolean {
    if (!this.#byTopic.delete(topic)) return false;
    const levels = topic.split('/');
    const path: TopicNode<T>[] = [this.#root];
    for (const level of levels) {
      const next = path.at(-1)?.children.get(level);
      if (!next) return true;
      path.push(next);
    }
    const last = path.at(-1);
    if (last) last.value = undefined;
    for (let depth = path.length - 1; depth > 0; depth--) {
      const node = path[depth];
      const level = levels[depth - 1];
      if (!node || level === undefined || node.value !== undefined || node.children.size > 0) break;
      path[depth - 1]?.children.delete(level);
    }
    return true;
  }

  /**
   * Visits the values of all matching topics. A wildcard in the first level matches no `$` topic
   * [MQTT-4.7.2-1].
   */
  match(filter: string, visit: (value: T) => void): void {
    if (!filter.includes('+') && !filter.includes('#')) {
      const value = this.#byTopic.get(filter);
      if (value !== undefined) visit(value);
      return;
    }
    visitMatching(this.#root, filter.split('/'), 0, visit);
  }
}

function visitMatching<T>(
  node: TopicNode<T>,
  levels: readonly string[],
  depth: number,
  visit: (value: T) => void,
): void {
  const level = levels[depth];
  if (level === undefined) {
    if (node.value !== undefined) visit(node.value);
    return;
  }
  if (level === '#') {
    visitAll(node, depth === 0, visit);
    return;
  }
  if (level !== '+') {
    const child = node.children.get(level);
    if (child) visitMatching(child, levels, depth + 1, visit);
    return;
  }
  for (const [name, child] of node.children) {
    if (depth === 0 && name.startsWith('$')) continue;
    visitMatching(child, levels, depth + 1, visit);
  }
}

function visitAll<T>(node: TopicNode<T>, root: boolean, visit: (value: T) => void): void {
  // `a/#` matches `a` as well (MQTT 5, 4.7.1.2).
  if (node.value !== undefined) visit(node.value);
  for (const [name, child] of node.children) {
    if (root && name.startsWith('$')) continue;
    visitAll(child, false, visit);
  }
}
