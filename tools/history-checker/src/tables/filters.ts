const sharePrefix = '$share/';

/** @returns the topic filter of a shared subscription [MQTT5 4.8.2]; other filters are returned unchanged */
function topicFilter(filter: string): string {
  if (!isShared(filter)) return filter;
  return filter.slice(filter.indexOf('/', sharePrefix.length) + 1);
}

export function isShared(filter: string): boolean {
  return filter.startsWith(sharePrefix) && filter.indexOf('/', sharePrefix.length) !== -1;
}

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  /** Values of the filter that ends at this level. */
  readonly here: T[];
  /** Values of the filter that ends with `/#` after this level. */
  readonly below: T[];
}

function emptyNode<T>(): Node<T> {
  return { children: new Map(), here: [], below: [] };
}

/**
 * A trie of topic filters. Finding the filters that match a topic takes time proportional to the topic's
 * levels, not to the number of filters.
 */
export class FilterTrie<T> {
  readonly #root: Node<T> = emptyNode();

  add(filter: string, value: T): void {
    const levels = topicFilter(filter).split('/');
    const toAll = levels.at(-1) === '#';
    if (toAll) levels.pop();
    let node = this.#root;
    for (const level of levels) {
      let child = node.children.get(level);
      if (!child) {
        child = emptyNode();
        node.children.set(level, child);
      }
      node = child;
    }
    (toAll ? node.below : node.here).push(value);
  }

  /**
   * Returns the values of all filters that match the topic. A wildcard in the first level does not match topics that
   * begin with `$` [MQTT-4.7.2-1].
   */
  match(topic: string): T[] {
    const found: T[] = [];
    const levels = topic.split('/');
    const wild = !topic.startsWith('$');
    const visit = (node: Node<T>, depth: number): void => {
      if (depth > 0 || wild) found.push(...node.below);
      if (depth === levels.length) {
        found.push(...node.here);
        return;
      }
      const exact = node.children.get(levels[depth] as string);
      if (exact) visit(exact, depth + 1);
      const any = depth > 0 || wild ? node.children.get('+') : undefined;
      if (any) visit(any, depth + 1);
    };
    visit(this.#root, 0);
    return found;
  }
}
