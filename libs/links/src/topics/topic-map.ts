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
    const mapped = to + topic.slice(from.length);
    // `a/#` also matches `a`: without the prefix `a`, nothing of this topic is left.
    return mapped === '' ? null : { rule, topic: mapped, fault: topicFault(mapped) };
  }
}
