import type { LinkRule } from '@mqtt-cluster/contracts';
import { filterMatches } from './filters.ts';
import { topicFault } from './topic-names.ts';

/** A rule for a message, and the topic of the message at the other end. */
export interface MappedTopic {
  readonly rule: LinkRule;
  readonly topic: string;
  /** Why no message can have this topic, or null. */
  readonly fault: string | null;
}

export function localFilter({ localPrefix, filter }: LinkRule): string {
  return localPrefix + filter;
}

export function remoteFilter({ remotePrefix, filter }: LinkRule): string {
  return remotePrefix + filter;
}

/** Maps the topics of one direction. The first rule that matches counts. */
export class TopicMap {
  readonly rules: readonly LinkRule[];
  readonly #from: (rule: LinkRule) => string;
  readonly #prefixes: (rule: LinkRule) => { readonly from: string; readonly to: string };

  constructor(rules: readonly LinkRule[], direction: LinkRule['direction']) {
    this.rules = rules.filter((rule) => rule.direction === direction);
    const isOut = direction === 'out';
    this.#from = isOut ? localFilter : remoteFilter;
    this.#prefixes = ({ localPrefix, remotePrefix }) =>
      isOut ? { from: localPrefix, to: remotePrefix } : { from: remotePrefix, to: localPrefix };
  }

  /** Returns the rule and the topic at the other end. Null: no rule of this direction matches the topic. */
  map(topic: string): MappedTopic | null {
    const rule = this.rules.find((each) => filterMatches(this.#from(each), topic));
    if (rule === undefined) return null;
    const { from, to } = this.#prefixes(rule);
    // `a/#` also matches `a` [MQTT-4.7.1-2]. With the prefix `a/` this is the parent of all other topics, also at the other end.
    const isParent = topic.length < from.length;
    const mapped = isParent ? to.slice(0, -1) : to + topic.slice(from.length);
    // Without the prefix `a`, nothing of the topic `a` is left.
    return mapped === '' ? null : { rule, topic: mapped, fault: topicFault(mapped) };
  }
}
