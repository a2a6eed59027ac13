const slash = '/';
const dollar = '$';

/** The texts that `%u` and `%c` stand for. Undefined: rules with that placeholder match nothing. */
export interface PlaceholderNames {
  readonly user: string | undefined;
  readonly client: string | undefined;
}

/** No rule. Larger than each position of a rule. */
export const noRule = Infinity;

/** One level of the topics of rules. All positions are {@link noRule} if there is no rule. */
class Level {
  readonly literals = new Map<string, Level>();
  /** The level `+`. */
  any: Level | null = null;
  /** The level `%u`. */
  user: Level | null = null;
  /** The level `%c`. */
  client: Level | null = null;
  /** First rule whose topic ends here. */
  exact = noRule;
  /** First rule whose topic continues with `#`. It also matches the topic that ends here. */
  multi = noRule;
  /** First rule of this level and of all levels below. */
  first = noRule;

  child(text: string): Level {
    if (text === '+') return (this.any ??= new Level());
    if (text === '%u') return (this.user ??= new Level());
    if (text === '%c') return (this.client ??= new Level());
    let level = this.literals.get(text);
    if (!level) this.literals.set(text, (level = new Level()));
    return level;
  }
}

/**
 * The topics of a list of rules, each with the position of its rule. The search returns the lowest position, which is
 * the rule that decides. It compares the levels of the topic once and skips all levels whose rules come later than a
 * rule already found. `%u` and `%c` are compared at the search, so that all clients to which the same rules apply
 * share one trie.
 */
export class RuleTrie {
  readonly #root = new Level();

  /** Adds a topic of a rule. */
  add(topic: string, position: number): void {
    let level = this.#root;
    level.first = Math.min(level.first, position);
    for (const text of topic.split(slash)) {
      if (text === '#') {
        level.multi = Math.min(level.multi, position);
        return;
      }
      level = level.child(text);
      level.first = Math.min(level.first, position);
    }
    level.exact = Math.min(level.exact, position);
  }

  /** Returns the position of the first rule with a topic that matches this topic name, or {@link noRule}. */
  ruleOfTopic(topic: string, names: PlaceholderNames): number {
    const root = this.#root;
    // A wildcard in the first level matches no topic that begins with $ [MQTT-4.7.2-1]. The same holds for a
    // placeholder: a user named `$SYS` must not get the rights of the rule `%u/#` on `$SYS/#`.
    if (topic.startsWith(dollar)) return matchLiteral(root, topic, 0, names, noRule);
    return match(root, topic, 0, names, noRule);
  }

  /**
   * Returns the position of the first rule with a topic that covers this topic filter, or {@link noRule}. A topic of a
   * rule covers a filter if it matches all topics that the filter matches.
   */
  ruleOfFilter(filter: string, names: PlaceholderNames): number {
    const root = this.#root;
    if (filter.startsWith(dollar)) return coverLiteral(root, filter, 0, names, noRule);
    const found = cover(root, filter, 0, names, noRule);
    // `+/#` matches all topics that `#` matches, because each topic has a first level.
    if (filter === '#') return Math.min(found, root.any?.multi ?? noRule);
    // `+/+/#` and `/+/#` match all topics that `/#` matches: its topic without a second level would be empty, and a topic
    // has at least one character [MQTT-4.7.3-1].
    if (filter !== '/#') return found;
    return Math.min(found, root.any?.any?.multi ?? noRule, root.literals.get('')?.any?.multi ?? noRule);
  }
}

/** Returns the end of the level that begins at `start`. */
function levelEnd(topic: string, start: number): number {
  const end = topic.indexOf(slash, start);
  return end === -1 ? topic.length : end;
}

/** @param start begin of the next level, or beyond the end of the topic after its last level */
function match(level: Level, topic: string, start: number, names: PlaceholderNames, best: number): number {
  if (level.first >= best) return best;
  if (level.multi < best) best = level.multi;
  if (start > topic.length) return Math.min(best, level.exact);
  const { any, user, client } = level;
  const end = levelEnd(topic, start);
  if (any) best = match(any, topic, end + 1, names, best);
  if (user && isLevel(topic, start, end, names.user)) best = match(user, topic, end + 1, names, best);
  if (client && isLevel(topic, start, end, names.client)) best = match(client, topic, end + 1, names, best);
  return matchLiteral(level, topic, start, names, best);
}

function matchLiteral(
  level: Level,
  topic: string,
  start: number,
  names: PlaceholderNames,
  best: number,
): number {
  if (level.literals.size === 0) return best;
  const end = levelEnd(topic, start);
  const child = level.literals.get(topic.slice(start, end));
  return child ? match(child, topic, end + 1, names, best) : best;
}

function cover(level: Level, filter: string, start: number, names: PlaceholderNames, best: number): number {
  if (level.first >= best) return best;
  if (level.multi < best) best = level.multi;
  if (start > filter.length) return Math.min(best, level.exact);
  const end = levelEnd(filter, start);
  const text = filter.slice(start, end);
  if (text === '#') return best;
  const { any, user, client } = level;
  if (any) best = cover(any, filter, end + 1, names, best);
  if (text === '+') return best;
  if (user && text === names.user) best = cover(user, filter, end + 1, names, best);
  if (client && text === names.client) best = cover(client, filter, end + 1, names, best);
  return coverLiteral(level, filter, start, names, best);
}

function coverLiteral(
  level: Level,
  filter: string,
  start: number,
  names: PlaceholderNames,
  best: number,
): number {
  const end = levelEnd(filter, start);
  const child = level.literals.get(filter.slice(start, end));
  return child ? cover(child, filter, end + 1, names, best) : best;
}

function isLevel(topic: string, start: number, end: number, name: string | undefined): boolean {
  return name !== undefined && end - start === name.length && topic.startsWith(name, start);
}
