import { never } from '../tables/clients.ts';
import type { Sequence, Session, Subscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { refusedMin } from '../tables/messages.ts';
import { retainedMsMaxDefault } from './retained-observations.ts';
import { RetainedWrites } from './retained-writes.ts';
import type { Analysis } from './analysis.ts';

/** From SUBACK to the last retained message, on an idle machine. */
const deliveredMsMax = 500;

/** A new subscription to a topic that had a retained message for longer than P5's bound. */
export interface RetainedExpectation {
  readonly subscription: Subscription;
  readonly topic: number;
  /** A retained message of the topic was delivered. */
  readonly isDelivered: boolean;
  /** Delay that a busy machine may have added, ms. */
  readonly allowanceMs: number;
}

/**
 * The retained messages that new subscriptions had to receive [MQTT-3.3.1-6], on servers that were not isolated, and on
 * connections that lasted long enough. A topic with a clear that was sent before SUBACK is not expected. A delivery for
 * another subscription of the same connection counts, too, because filters may overlap.
 */
export function* retainedExpectations(analysis: Analysis): Generator<RetainedExpectation> {
  const { sessions } = analysis.tables;
  const writes = new RetainedWrites(analysis);
  const topics = [...writes.topics()];
  const matches = analysis.matches(sessions.sessions.flatMap(({ subscriptions }) => subscriptions));
  const topicsOf = new Map<Subscription, number[]>();
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
      const certainMs = at - boundMsOf(analysis) - allowanceMs;
      for (const topic of topicsOf.get(subscription) ?? []) {
        if (!writes.isCertainlySet(topic, certainMs, ackedAt)) continue;
        const isDelivered = (delivered.get(`${connection.index} ${topic}`) ?? -1) > sequence;
        yield { subscription, topic, isDelivered, allowanceMs };
      }
    }
  }
}

function boundMsOf({ tables }: Analysis): number {
  return tables.header.limits.retainedMsMax ?? retainedMsMaxDefault;
}

/** Position of the last retained delivery, by connection and topic. */
function retainedDeliveriesOf(
  { tables, deliveriesBySession }: Analysis,
  session: Session,
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
 * @returns the delay that a busy machine may have added; null if the subscription was too short, or its server may have
 * been isolated
 */
function allowanceOf({ tables, lag }: Analysis, subscription: Subscription): number | null {
  const { at, ackedAt, granted, filter, connection, endSequence } = subscription;
  const isSubscribed = endSequence === never || endSequence > connection.closedSequence;
  if (!isSubscribed || isShared(filter) || granted >= refusedMin) return null;
  const untilMs = Math.min(connection.closedAt, tables.endAt ?? Infinity);
  if (!(untilMs - ackedAt > deliveredMsMax)) return null;
  const beganAt = at - (tables.header.limits.retainedMsMax ?? retainedMsMaxDefault);
  const allowanceMs = lag.longest(beganAt, ackedAt + deliveredMsMax);
  if (untilMs - ackedAt <= deliveredMsMax + allowanceMs) return null;
  return tables.faults.disruptionOf(connection.connect.server, beganAt, untilMs) ? null : allowanceMs;
}
