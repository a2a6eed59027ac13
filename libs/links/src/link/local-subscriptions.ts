import type { LinkRule, QoS, Subscription } from '@mqtt-cluster/contracts';
import type { LocalSession } from '../local/local-session.ts';
import { isMark } from '../names.ts';
import { localFilter } from '../topics/topic-map.ts';

/**
 * Subscribes the session of a link to the filters of the outgoing rules, and ends the subscriptions of former rules.
 *
 * @param qosMax the greatest QoS of the exchange between the cluster and the link
 */
export function updateLocalSubscriptions(
  session: LocalSession,
  rules: readonly LinkRule[],
  qosMax: QoS = 2,
): void {
  const wanted = wantedSubscriptions(rules, qosMax);
  const known = session.detail?.subscriptionList ?? [];
  session.unsubscribe(
    known.map(({ filter }) => filter).filter((filter) => !wanted.has(filter) && !isMark(filter)),
  );
  session.subscribe([...wanted.values()].filter((each) => !known.some((other) => isSame(each, other))));
}

function wantedSubscriptions(rules: readonly LinkRule[], qosMax: QoS): Map<string, Subscription> {
  const wanted = new Map<string, Subscription>();
  for (const rule of rules) {
    if (rule.direction !== 'out') continue;
    const filter = localFilter(rule);
    const isLive = rule.retained === 'live';
    const former = wanted.get(filter);
    wanted.set(filter, {
      filter,
      qos: Math.min(qosMax, Math.max(rule.qosMax, former?.qos ?? 0)) as QoS,
      noLocal: true,
      retainAsPublished: isLive || former?.retainAsPublished === true,
      // Messages that were retained before the rule are sent once, when the subscription is new.
      retainHandling: isLive || former?.retainHandling === 1 ? 1 : 2,
    });
  }
  return wanted;
}

function isSame(wanted: Subscription, known: Subscription): boolean {
  return (
    wanted.filter === known.filter &&
    wanted.qos === known.qos &&
    wanted.retainAsPublished === (known.retainAsPublished ?? false) &&
    (known.noLocal ?? false)
  );
}
