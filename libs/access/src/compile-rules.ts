import type { AccessRule, Identity, QoS } from '@mqtt-cluster/contracts';
import { Networks } from './networks.ts';
import type { PlaceholderNames } from './rule-trie.ts';
import { noRule, RuleTrie } from './rule-trie.ts';

export type AccessAction = AccessRule['actions'][number];

/** The answer of a list of rules. `none`: no rule of the list matches. */
export type AccessDecision = 'allow' | 'deny' | 'none';

/** A list of rules, compiled for fast decisions. Immutable. */
export interface CompiledRules {
  /** Number of rules. */
  readonly size: number;
  /**
   * Decides one request. `subscribe` decides whether the client may receive a message on this topic; `qos` and
   * `retain` then have no effect. The groups of the identity must be complete, see {@link withUserGroups}.
   */
  decide(identity: Identity, action: AccessAction, topic: string, qos: QoS, retain: boolean): AccessDecision;
  /** Returns the decisions for one client. Use it for several requests of the same client: it is faster. */
  forIdentity(identity: Identity): IdentityRules;
}

/** The decisions of a list of rules for one client. */
export interface IdentityRules {
  mayPublish(topic: string, qos: QoS, retain: boolean): AccessDecision;
  mayReceive(topic: string): AccessDecision;
  /**
   * Returns the highest QoS that a subscription is granted, or the decision `deny` or `none`. The first rule that
   * covers the whole filter decides. The filter of `$share/group/filter` counts.
   */
  grantedQos(filter: string, qos: QoS): QoS | 'deny' | 'none';
}

/** Bound on the topics in the tries that clients with the same rules share. */
const sharedTopicsMax = 200_000;
/** Bounds on the decisions that are kept for one client: number, and length of the topic. */
const cachedTopicsMax = 16;
const cachedTopicLengthMax = 256;

/** Compiles a list of rules. The first matching rule of the list decides. */
export function compileRules(rules: readonly AccessRule[]): CompiledRules {
  return rules.length === 0 ? noRules : new RuleList(rules);
}

const undecided: IdentityRules = {
  mayPublish: () => 'none',
  mayReceive: () => 'none',
  grantedQos: () => 'none',
};
const noRules: CompiledRules = { size: 0, decide: () => 'none', forIdentity: () => undecided };

interface Tries {
  readonly publish: RuleTrie;
  readonly subscribe: RuleTrie;
}

class RuleList implements CompiledRules {
  readonly #rules: readonly AccessRule[];
  readonly #networks: readonly (Networks | null)[];
  /** Positions of the rules with a condition on the user, by user. */
  readonly #byUser = new Map<string, number[]>();
  /** Positions of the other rules. */
  readonly #general: number[] = [];
  /** Tries of the rules that apply to a client, by their positions. */
  readonly #tries = new Map<string, Tries>();
  #sharedTopics = 0;

  constructor(rules: readonly AccessRule[]) {
    this.#rules = rules;
    this.#networks = rules.map(({ addresses }) => (addresses ? new Networks(addresses) : null));
    for (const [position, { users }] of rules.entries()) {
      if (!users) this.#general.push(position);
      for (const user of new Set(users)) {
        const positions = this.#byUser.get(user);
        if (positions) positions.push(position);
        else this.#byUser.set(user, [position]);
      }
    }
  }

  get size(): number {
    return this.#rules.length;
  }

  decide(identity: Identity, action: AccessAction, topic: string, qos: QoS, retain: boolean): AccessDecision {
    const rules = this.forIdentity(identity);
    return action === 'publish' ? rules.mayPublish(topic, qos, retain) : rules.mayReceive(topic);
  }

  forIdentity(identity: Identity): IdentityRules {
    const positions = this.#applicable(identity);
    if (positions.length === 0) return undecided;
    const names = { user: placeholderName(identity.user), client: placeholderName(identity.client) };
    return new DecisionsOfIdentity(this.#rules, this.#triesOf(positions), names);
  }

  /** Returns the positions of the rules whose conditions on the client match, in order. */
  #applicable(identity: Identity): readonly number[] {
    const ofUser = identity.user === undefined ? [] : (this.#byUser.get(identity.user) ?? []);
    const candidates =
      ofUser.length === 0 ? this.#general : [...ofUser, ...this.#general].sort((left, right) => left - right);
    return candidates.filter((position) => this.#appliesTo(position, identity));
  }

  #appliesTo(position: number, identity: Identity): boolean {
    const { anonymous, groups, clients, listeners } = this.#rules[position] as AccessRule;
    if (anonymous !== undefined && anonymous !== (identity.user === undefined)) return false;
    if (groups && !groups.some((group) => identity.groups.includes(group))) return false;
    if (clients && !clients.includes(identity.client)) return false;
    if (listeners && !listeners.includes(identity.listener)) return false;
    const networks = this.#networks[position];
    return !networks || networks.contains(identity.address);
  }

  #triesOf(positions: readonly number[]): Tries {
    const key = positions.join(',');
    const known = this.#tries.get(key);
    if (known) return known;
    const tries: Tries = { publish: new RuleTrie(), subscribe: new RuleTrie() };
    for (const position of positions) {
      const { actions, topics } = this.#rules[position] as AccessRule;
      for (const action of actions) for (const topic of topics) tries[action].add(topic, position);
      this.#sharedTopics += topics.length;
    }
    if (this.#sharedTopics > sharedTopicsMax) {
      // The connected clients keep the tries that they use.
      this.#tries.clear();
      this.#sharedTopics = 0;
    }
    this.#tries.set(key, tries);
    return tries;
  }
}

class DecisionsOfIdentity implements IdentityRules {
  readonly #rules: readonly AccessRule[];
  readonly #tries: Tries;
  readonly #names: PlaceholderNames;
  /** The rules of recent topics. A client uses few topics in most cases. */
  readonly #publish = new Map<string, AccessRule | null>();
  readonly #receive = new Map<string, AccessRule | null>();

  constructor(rules: readonly AccessRule[], tries: Tries, names: PlaceholderNames) {
    this.#rules = rules;
    this.#tries = tries;
    this.#names = names;
  }

  mayPublish(topic: string, qos: QoS, retain: boolean): AccessDecision {
    const known = this.#publish.get(topic);
    const rule = known === undefined ? this.#search('publish', topic, this.#publish) : known;
    if (rule === null) return 'none';
    if (rule.effect === 'deny') return 'deny';
    if (rule.qosMax !== undefined && qos > rule.qosMax) return 'deny';
    return retain && rule.retain === false ? 'deny' : 'allow';
  }

  mayReceive(topic: string): AccessDecision {
    const known = this.#receive.get(topic);
    const rule = known === undefined ? this.#search('subscribe', topic, this.#receive) : known;
    return rule === null ? 'none' : rule.effect;
  }

  grantedQos(filter: string, qos: QoS): QoS | 'deny' | 'none' {
    const position = this.#tries.subscribe.ruleOfFilter(plainFilter(filter), this.#names);
    if (position === noRule) return 'none';
    const { effect, qosMax } = this.#rules[position] as AccessRule;
    if (effect === 'deny') return 'deny';
    return qosMax !== undefined && qosMax < qos ? qosMax : qos;
  }

  #search(action: AccessAction, topic: string, cache: Map<string, AccessRule | null>): AccessRule | null {
    const position = this.#tries[action].ruleOfTopic(topic, this.#names);
    const rule = position === noRule ? null : (this.#rules[position] as AccessRule);
    if (topic.length <= cachedTopicLengthMax) {
      if (cache.size >= cachedTopicsMax) cache.clear();
      cache.set(topic, rule);
    }
    return rule;
  }
}

/**
 * Returns a name that may stand for one topic level. Undefined for other names: with a `/`, `+` or `#` in it, a user
 * could choose a name that gives rights on the topics of other users.
 */
function placeholderName(name: string | undefined): string | undefined {
  return name === undefined || name === '' || /[/+#]/.test(name) ? undefined : name;
}

const sharePrefix = '$share/';

/** Returns the filter of a shared subscription `$share/group/filter`, and other filters unchanged. */
function plainFilter(filter: string): string {
  if (!filter.startsWith(sharePrefix)) return filter;
  return filter.slice(filter.indexOf('/', sharePrefix.length) + 1);
}
