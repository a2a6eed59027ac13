// The lint rule forbids the broker to depend on libs/access. The tests run both together.
// eslint-disable-next-line @nx/enforce-module-boundaries
import { compileRules } from '@mqtt-cluster/access';
// eslint-disable-next-line @nx/enforce-module-boundaries
import type { CompiledRules } from '@mqtt-cluster/access';
import type { AccessDecisions, AccessRule, AccessSubject, QoS } from '@mqtt-cluster/contracts';

/** Decides by one list of rules, which a test can replace. Denies what no rule matches. */
export class RuledAccess implements AccessDecisions {
  #rules: CompiledRules;
  version = 1;
  /** Users that may no longer connect. */
  readonly removed = new Set<string>();

  constructor(...rules: readonly AccessRule[]) {
    this.#rules = compileRules(rules);
  }

  set(...rules: readonly AccessRule[]): void {
    this.#rules = compileRules(rules);
    this.version++;
  }

  remove(user: string): void {
    this.removed.add(user);
    this.version++;
  }

  isValid({ identity }: AccessSubject): boolean {
    return identity.user === undefined || !this.removed.has(identity.user);
  }

  mayPublish({ identity }: AccessSubject, topic: string, qos: QoS, retain: boolean): boolean {
    return this.#rules.decide(identity, 'publish', topic, qos, retain) === 'allow';
  }

  grantsWill(subject: AccessSubject, topic: string, qos: QoS, retain: boolean): boolean {
    return this.mayPublish(subject, topic, qos, retain);
  }

  grantedQos({ identity }: AccessSubject, filter: string, qos: QoS): QoS | null {
    const granted = this.#rules.forIdentity(identity).grantedQos(filter, qos);
    return granted === 'deny' || granted === 'none' ? null : granted;
  }

  mayReceive({ identity }: AccessSubject, topic: string): boolean {
    return this.#rules.decide(identity, 'subscribe', topic, 0, false) === 'allow';
  }
}

export const allow = (topic: string, more: Partial<AccessRule> = {}): AccessRule => ({
  effect: 'allow',
  actions: ['publish', 'subscribe'],
  topics: [topic],
  ...more,
});

export const deny = (topic: string, more: Partial<AccessRule> = {}): AccessRule => ({
  ...allow(topic, more),
  effect: 'deny',
});
