import { never } from '../tables/clients.ts';
import type { Sequence, Session, Subscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { refusedMin } from '../tables/messages.ts';
import { retainedMsMaxDefault } from './retained-observations.ts';
import { RetainedWrites } from './retained-writes.ts';
import type { Analysis } from './analysis.ts';

/** From SUBACK to the last of the retained messages, where nothing waits. */
const shownMsMax = 500;

/** A new subscription to a topic that had something retained for longer than P5's bound. */
export interface RetainedExpectation {
  readonly subscription: Subscription;
  readonly topic: number;
  /** Anything retained of the topic came. */
  readonly isDelivered: boolean;
  /** What a busy machine may have added, ms. */
  readonly allowanceMs: number;
}

/**
 * What new subscriptions had to be shown [MQTT-3.3.1-6], on servers that were not apart, and for long enough to see it.
 * A clear that was sent before SUBACK came asks for nothing. What was shown to another subscription of the same
 * connection counts, too, where filters overlap.
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
    const looking = session.subscriptions.filter((one) => topicsOf.has(one));
    if (looking.length === 0) continue;
    const shown = retainedDeliveriesOf(analysis, session);
    for (const subscription of looking) {
      const allowanceMs = lookAllowanceMs(analysis, subscription);
      if (allowanceMs === null) continue;
      const { at, ackedAt, sequence, connection } = subscription;
      const certainMs = at - boundMsOf(analysis) - allowanceMs;
      for (const topic of topicsOf.get(subscription) ?? []) {
        if (!writes.isCertainlySet(topic, certainMs, ackedAt)) continue;
        const isDelivered = (shown.get(`${connection.index} ${topic}`) ?? -1) > sequence;
        yield { subscription, topic, isDelivered, allowanceMs };
      }
    }
  }
}

function boundMsOf({ tables }: Analysis): number {
  return tables.header.limits.retainedMsMax ?? retainedMsMaxDefault;
}

/** By connection and topic: where in the history the last retained message came. */
function retainedDeliveriesOf(
  { tables, deliveriesBySession }: Analysis,
  session: Session,
): Map<string, Sequence> {
  const { deliveries, messages } = tables;
  const shown = new Map<string, Sequence>();
  for (const row of deliveriesBySession.of(session.index)) {
    if (!deliveries.isRetained(row)) continue;
    const key = `${deliveries.connection(row)} ${messages.topic(deliveries.message(row))}`;
    shown.set(key, deliveries.sequence(row));
  }
  return shown;
}

/** What a busy machine may have added to the look; null if it was too short, or its server may have been apart. */
function lookAllowanceMs({ tables, lag }: Analysis, subscription: Subscription): number | null {
  const { at, ackedAt, granted, filter, connection, endSequence } = subscription;
  const isLooking = endSequence === never || endSequence > connection.closedSequence;
  if (!isLooking || isShared(filter) || granted >= refusedMin) return null;
  const untilMs = Math.min(connection.closedAt, tables.endAt ?? Infinity);
  if (!(untilMs - ackedAt > shownMsMax)) return null;
  const beganAt = at - (tables.header.limits.retainedMsMax ?? retainedMsMaxDefault);
  const allowanceMs = lag.longest(beganAt, ackedAt + shownMsMax);
  if (untilMs - ackedAt <= shownMsMax + allowanceMs) return null;
  return tables.faults.disruptionOf(connection.connect.server, beganAt, untilMs) ? null : allowanceMs;
}
