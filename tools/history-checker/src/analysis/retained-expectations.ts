import { never } from '../tables/clients.ts';
import type { Sequence, RecordedSession, RecordedSubscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { rejectionCodeMin } from '../tables/messages.ts';
import { retainedMsMaxDefault } from './retained-observations.ts';
import { RetainedWrites } from './retained-writes.ts';
import type { Analysis } from './analysis.ts';

/** Longest time from SUBACK to the delivery of the last retained message on an idle machine, ms. */
const deliveredMsMax = 500;

/** A new subscription, and a matching topic that has had a retained message for longer than P5's bound. */
export interface RetainedExpectation {
  readonly subscription: RecordedSubscription;
  readonly topic: number;
  /** Whether a retained message of the topic was delivered to the subscription. */
  readonly isDelivered: boolean;
  /** Delay that a busy machine may have added, ms. */
  readonly allowanceMs: number;
}

/**
 * Yields the retained messages that new subscriptions had to receive [MQTT-3.3.1-6]. Subscriptions on
 * isolated servers and on connections that were too short are excluded. A topic is also excluded if a clear
 * that was sent before SUBACK may have been the last write. A delivery for another subscription of the same
 * connection is accepted, too, because filters may overlap.
 */
export function* retainedExpectations(analysis: Analysis): Generator<RetainedExpectation> {
  const { sessions } = analysis.tables;
  const writes = new RetainedWrites(analysis);
  const topics = [...writes.topics()];
  const matches = analysis.matches(sessions.sessions.flatMap(({ subscriptions }) => subscriptions));
  const topicsOf = new Map<RecordedSubscription, number[]>();
  for (const topic of topics) {
    for (const subscription of matches[topic] ?? []) {
      const known = topicsOf.get(subscription);
      if (known) known.push(topic);
      else topicsOf.set(subscription, [topic]);
    }
  }
  for (const session of sessions.sessions) {
    const expecting = session.subscriptions.filter((one) => topicsOf.has(one));
    if (expecting.length === 0) continue;
    const delivered = retainedDeliveriesOf(analysis, session);
    for (const subscription of expecting) {
      const allowanceMs = allowanceOf(analysis, subscription);
      if (allowanceMs === null) continue;
      const { at, ackedAt, sequence, connection } = subscription;
      const ackedBeforeMs = at - boundMsOf(analysis) - allowanceMs;
      for (const topic of topicsOf.get(subscription) ?? []) {
        if (!writes.mustBeSet(topic, ackedBeforeMs, ackedAt)) continue;
        const isDelivered = (delivered.get(`${connection.index} ${topic}`) ?? -1) > sequence;
        yield { subscription, topic, isDelivered, allowanceMs };
      }
    }
  }
}

function boundMsOf({ tables }: Analysis): number {
  return tables.header.limits.retainedMsMax ?? retainedMsMaxDefault;
}

/** @returns the position of the last retained delivery for each connection and topic */
function retainedDeliveriesOf(
  { tables, deliveriesBySession }: Analysis,
  session: RecordedSession,
): Map<string, Sequence> {
  const { deliveries, messages } = tables;
  const delivered = new Map<string, Sequence>();
  for (const row of deliveriesBySession.of(session.index)) {
    if (!deliveries.isRetained(row)) continue;
    const key = `${deliveries.connection(row)} ${messages.topic(deliveries.message(row))}`;
    delivered.set(key, deliveries.sequence(row));
  }
  return delivered;
}

/**
 * @returns the delay that a busy machine may have added, ms; null if no retained message is expected, because
 * the subscription is shared, was rejected or was too short, or because its server may have been isolated
 */
function allowanceOf({ tables, lag }: Analysis, subscription: RecordedSubscription): number | null {
  const { at, ackedAt, granted, filter, connection, endSequence } = subscription;
  const isSubscribed = endSequence === never || endSequence > connection.closedSequence;
  if (!isSubscribed || isShared(filter) || granted >= rejectionCodeMin) return null;
  const untilMs = Math.min(connection.closedAt, tables.endAt ?? Infinity);
  if (!(untilMs - ackedAt > deliveredMsMax)) return null;
  const beganAt = at - (tables.header.limits.retainedMsMax ?? retainedMsMaxDefault);
  const allowanceMs = lag.longest(beganAt, ackedAt + deliveredMsMax);
  if (untilMs - ackedAt <= deliveredMsMax + allowanceMs) return null;
  return tables.faults.disruptionOf(connection.connect.server, beganAt, untilMs) ? null : allowanceMs;
}
