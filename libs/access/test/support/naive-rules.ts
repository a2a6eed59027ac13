import type { AccessRule, Identity, QoS } from '@mqtt-cluster/contracts';
import type { AccessAction, AccessDecision } from '../../src/index.ts';

/** Matches a topic filter against a topic, written from the text of MQTT 5, 4.7, without regard to speed. */
export function naiveMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (wanted.at(-1) === '#') {
    const parent = wanted.slice(0, -1);
    return (
      levels.length >= parent.length && parent.every((level, at) => level === '+' || level === levels[at])
    );
  }
  return (
    wanted.length === levels.length && wanted.every((level, at) => level === '+' || level === levels[at])
  );
}

/** The topic of a rule for one client, or null if the rule does not match the client. */
function topicFor(topic: string, identity: Identity): string | null {
  const levels = topic.split('/');
  for (const [at, level] of levels.entries()) {
    const name = level === '%u' ? identity.user : level === '%c' ? identity.client : level;
    if (name === undefined || name === '') {
      if (level.startsWith('%')) return null;
    } else if (level.startsWith('%')) {
      if (/[/+#]/.test(name) || (at === 0 && name.startsWith('$'))) return null;
      levels[at] = name;
    }
  }
  return levels.join('/');
}

function appliesTo(rule: AccessRule, identity: Identity): boolean {
  if (rule.users && (identity.user === undefined || !rule.users.includes(identity.user))) return false;
  if (rule.anonymous === true && identity.user !== undefined) return false;
  if (rule.anonymous === false && identity.user === undefined) return false;
  if (rule.groups && !rule.groups.some((group) => identity.groups.includes(group))) return false;
  if (rule.clients && !rule.clients.includes(identity.client)) return false;
  return !rule.listeners || rule.listeners.includes(identity.listener);
}

/** Decides by a walk over all rules. Rules with addresses are not supported. */
export function naiveDecision(
  rules: readonly AccessRule[],
  identity: Identity,
  action: AccessAction,
  topic: string,
  qos: QoS,
  retain: boolean,
): AccessDecision {
  for (const rule of rules) {
    if (!rule.actions.includes(action) || !appliesTo(rule, identity)) continue;
    const topics = rule.topics.map((text) => topicFor(text, identity));
    if (!topics.some((filter) => filter !== null && naiveMatches(filter, topic))) continue;
    if (rule.effect === 'deny') return 'deny';
    if (action === 'publish' && (qos > (rule.qosMax ?? 2) || (retain && rule.retain === false)))
      return 'deny';
    return 'allow';
  }
  return 'none';
}

/** Decides a subscription. `covers(filter, wanted)` states whether one filter covers another one. */
export function naiveGrantedQos(
  rules: readonly AccessRule[],
  identity: Identity,
  wanted: string,
  qos: QoS,
  covers: (filter: string, wanted: string) => boolean,
): QoS | 'deny' | 'none' {
  for (const rule of rules) {
    if (!rule.actions.includes('subscribe') || !appliesTo(rule, identity)) continue;
    const topics = rule.topics.map((text) => topicFor(text, identity));
    if (!topics.some((filter) => filter !== null && covers(filter, wanted))) continue;
    return rule.effect === 'deny' ? 'deny' : (Math.min(qos, rule.qosMax ?? 2) as QoS);
  }
  return 'none';
}
