/** The last message of a topic. */
interface TopicValue {
  /** At most the first 16 KiB. */
  readonly payload: Uint8Array;
  readonly payloadBytes: number;
  readonly qos: number;
  /** Whether the message was a retained message when the subscription received it. */
  readonly isRetained: boolean;
  readonly atMs: number;
}

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
}

/** One level of the tree. A level may be a topic of its own, have levels below it, or both. */
export interface TopicNode {
  readonly level: string;
  /** Levels from the root, joined by `/`. */
  readonly path: string;
  readonly children: Map<string, TopicNode>;
  value: TopicValue | null;
  /** Messages of this topic and of all topics below it. */
  messages: number;
  /** Topics with a value at and below this level. */
  topics: number;
  /** Sum of messages that decays with {@link rateSeconds}, as of `weighedAtMs`. */
  weight: number;
  weighedAtMs: number;
}

export interface TreeBounds {
  readonly topicsMax: number;
  /** Messages a second that the tree takes in; others are only counted. */
  readonly messagesPerSecondMax: number;
}

const defaultBounds: TreeBounds = { topicsMax: 5_000, messagesPerSecondMax: 2_000 };

/** Time constant of the rates. */
const rateSeconds = 5;
const keptBytesMax = 16 * 1024;
const depthMax = 64;

const newNode = (level: string, path: string): TopicNode => ({
  level,
  path,
  children: new Map(),
  value: null,
  messages: 0,
  topics: 0,
  weight: 0,
  weighedAtMs: 0,
});

/** A tree of the topics that messages arrived on. Its memory is bounded. */
export class TopicTree {
  readonly root = newNode('', '');
  readonly #bounds: TreeBounds;
  /** Messages of topics that the tree has no room for. */
  ignored = 0;
  /** Messages that came faster than the tree takes them in. */
  skipped = 0;
  #second = 0;
  #inSecond = 0;

  constructor(bounds: TreeBounds = defaultBounds) {
    this.#bounds = bounds;
  }

  add({ topic, payload, qos, retain }: Message, nowMs: number): void {
    if (!this.#isInBudget(nowMs)) {
      this.skipped += 1;
      return;
    }
    const levels = topic.split('/');
    if (levels.length > depthMax || (this.find(topic)?.value ?? null) === null) {
      if (levels.length > depthMax || this.root.topics >= this.#bounds.topicsMax) {
        this.ignored += 1;
        return;
      }
      this.#addTopic(levels);
    }
    let node = this.root;
    count(node, nowMs);
    for (const level of levels) {
      node = node.children.get(level) as TopicNode;
      count(node, nowMs);
    }
    node.value = {
      payload: payload.slice(0, keptBytesMax),
      payloadBytes: payload.length,
      qos,
      isRetained: retain,
      atMs: nowMs,
    };
  }

  find(topic: string): TopicNode | null {
    let node: TopicNode | undefined = this.root;
    for (const level of topic.split('/')) node = node?.children.get(level);
    return node ?? null;
  }

  /** Returns topics with a value whose name contains the text, in the order of the tree, at most `limit`. */
  search(text: string, limit: number): TopicNode[] {
    const found: TopicNode[] = [];
    const open = [...sorted(this.root)].reverse();
    for (let node = open.pop(); node !== undefined && found.length < limit; node = open.pop()) {
      if (node.value !== null && node.path.includes(text)) found.push(node);
      open.push(...sorted(node).reverse());
    }
    return found;
  }

  #addTopic(levels: readonly string[]): void {
    let node = this.root;
    node.topics += 1;
    levels.forEach((level, index) => {
      let child = node.children.get(level);
      if (child === undefined) {
        child = newNode(level, levels.slice(0, index + 1).join('/'));
        node.children.set(level, child);
      }
      child.topics += 1;
      node = child;
    });
  }

  #isInBudget(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    return this.#inSecond <= this.#bounds.messagesPerSecondMax;
  }
}

function count(node: TopicNode, nowMs: number): void {
  node.weight = decayed(node, nowMs) + 1;
  node.weighedAtMs = nowMs;
  node.messages += 1;
}

function decayed({ weight, weighedAtMs }: TopicNode, nowMs: number): number {
  return weight * Math.exp(-Math.max(0, nowMs - weighedAtMs) / 1_000 / rateSeconds);
}

/** Returns messages a second at and below a level, of the last seconds. */
export function rateOf(node: TopicNode, nowMs: number): number {
  const value = decayed(node, nowMs) / rateSeconds;
  return value < 0.05 ? 0 : value;
}

/** Returns the levels below a level in the order of their names. */
export function sorted({ children }: TopicNode): TopicNode[] {
  return [...children.values()].sort((a, b) => (a.level < b.level ? -1 : 1));
}
