import type { Subscription } from './book/clients.ts';
import { isShared } from './book/filters.ts';
import { refusedMin } from './book/messages.ts';
import { retainedMsMaxDefault } from './retained-sightings.ts';
import { RetainedWrites } from './retained-writes.ts';
import type { Facts } from './facts.ts';

/** From SUBACK to the last of the retained messages, where nothing waits. */
const shownMsMax = 500;

/** A new subscription to a topic that had something retained for longer than P5's bound. */
export interface Showing {
  readonly subscription: Subscription;
  readonly topic: number;
  /** Anything retained of the topic came. */
  readonly isShown: boolean;
}

/**
 * What the first subscriptions of clean sessions had to be shown [MQTT-3.3.1-6], on servers that were not apart and
 * for long enough to see it. A clear that was sent before SUBACK came asks for nothing.
 */
export function* retainedShowings(facts: Facts): Generator<Showing> {
  const { sessions, deliveries, messages, header, faults } = facts.book;
  const boundMs = header.limits.retainedMsMax ?? retainedMsMaxDefault;
  const writes = new RetainedWrites(facts);
  const topics = [...writes.topics()];
  for (const session of sessions.sessions) {
    const [subscription, ...others] = session.subscriptions;
    if (!subscription || others.length > 0 || !session.connections[0]?.connect.clean) continue;
    const { at, ackedAt, granted, filter, connection } = subscription;
    const untilMs = Math.min(connection.closedAt, facts.book.endAt ?? Infinity);
    if (isShared(filter) || granted >= refusedMin || !(untilMs - ackedAt > shownMsMax)) continue;
    const lagMs = facts.lags.longest(at - boundMs, untilMs);
    if (untilMs - ackedAt <= shownMsMax + lagMs) continue;
    if (faults.troubleOf(connection.connect.server, at - boundMs, untilMs)) continue;
    const shown = new Set<number>();
    for (const row of facts.deliveriesBySession.of(session.index)) {
      if (deliveries.isRetained(row)) shown.add(messages.topic(deliveries.message(row)));
    }
    const matching = facts.matcher(session);
    for (const topic of topics) {
      if (matching(topic).length === 0 || !writes.isCertainlySet(topic, at - boundMs - lagMs, ackedAt))
        continue;
      yield { subscription, topic, isShown: shown.has(topic) };
    }
  }
}
