import { never } from '../tables/clients.ts';
import type { Sequence, Session, Subscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { refusedMin } from '../tables/messages.ts';
import { retainedMsMaxDefault } from './retained-observations.ts';
import { RetainedWrites } from './retained-writes.ts';
import type { Facts } from './analysis.ts';

/** From SUBACK to the last of the retained messages, where nothing waits. */
const shownMsMax = 500;

/** A new subscription to a topic that had something retained for longer than P5's bound. */
export interface Showing {
  readonly subscription: Subscription;
  readonly topic: number;
  /** Anything retained of the topic came. */
  readonly isShown: boolean;
  /** What a busy machine may have added, ms. */
  readonly allowanceMs: number;
}

/**
 * What new subscriptions had to be shown [MQTT-3.3.1-6], on servers that were not apart, and for long enough to see it.
 * A clear that was sent before SUBACK came asks for nothing. What was shown to another subscription of the same
 * connection counts, too, where filters overlap.
 */
export function* retainedShowings(facts: Facts): Generator<Showing> {
  const { sessions } = facts.book;
  const writes = new RetainedWrites(facts);
  const topics = [...writes.topics()];
  const matches = facts.matches(sessions.sessions.flatMap(({ subscriptions }) => subscriptions));
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
    const shown = shownBy(facts, session);
    for (const subscription of looking) {
      const allowanceMs = lookAllowanceMs(facts, subscription);
      if (allowanceMs === null) continue;
      const { at, ackedAt, sequence, connection } = subscription;
      const certainMs = at - boundMsOf(facts) - allowanceMs;
      for (const topic of topicsOf.get(subscription) ?? []) {
        if (!writes.isCertainlySet(topic, certainMs, ackedAt)) continue;
        const isShown = (shown.get(`${connection.index} ${topic}`) ?? -1) > sequence;
        yield { subscription, topic, isShown, allowanceMs };
      }
    }
  }
}

function boundMsOf({ book }: Facts): number {
  return book.header.limits.retainedMsMax ?? retainedMsMaxDefault;
}

/** By connection and topic: where in the history the last retained message came. */
function shownBy({ book, deliveriesBySession }: Facts, session: Session): Map<string, Sequence> {
  const { deliveries, messages } = book;
  const shown = new Map<string, Sequence>();
  for (const row of deliveriesBySession.of(session.index)) {
    if (!deliveries.isRetained(row)) continue;
    const key = `${deliveries.connection(row)} ${messages.topic(deliveries.message(row))}`;
    shown.set(key, deliveries.sequence(row));
  }
  return shown;
}

/** What a busy machine may have added to the look; null if it was too short, or its server may have been apart. */
function lookAllowanceMs({ book, lags }: Facts, subscription: Subscription): number | null {
  const { at, ackedAt, granted, filter, connection, endSequence } = subscription;
  const isLooking = endSequence === never || endSequence > connection.closedSequence;
  if (!isLooking || isShared(filter) || granted >= refusedMin) return null;
  const untilMs = Math.min(connection.closedAt, book.endAt ?? Infinity);
  if (!(untilMs - ackedAt > shownMsMax)) return null;
  const beganAt = at - (book.header.limits.retainedMsMax ?? retainedMsMaxDefault);
  const allowanceMs = lags.longest(beganAt, ackedAt + shownMsMax);
  if (untilMs - ackedAt <= shownMsMax + allowanceMs) return null;
  return book.faults.troubleOf(connection.connect.server, beganAt, untilMs) ? null : allowanceMs;
}
