import type { OddDelivery } from '../tables/history-tables.ts';
import type { Session, Subscription } from '../tables/clients.ts';
import { refusedMin } from '../tables/messages.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Facts } from '../analysis/analysis.ts';
import type { Report, Rule } from '../report.ts';

/**
 * What arrives was published, under that topic, and was asked for: by a subscription that matches it and was not taken back
 * before it was sent, at the QoS of both (of one of its subscriptions, where they overlap), as retained only if it is, and not if it was refused.
 */
export const phantom: Rule = {
  name: 'phantom',
  promise: 'P2',
  clause: 'MQTT-3.8.4-6, MQTT-3.8.4-8, MQTT-3.10.4-2, MQTT-3.3.1-9',
  judge: (facts, report) => {
    const { book } = facts;
    for (const odd of book.unknownDeliveries) {
      report.violate(() => `${describeOdd(odd)}, which was never published`);
    }
    for (const odd of book.misplacedDeliveries) {
      const row = book.messages.row(odd.event.message) as number;
      report.violate(() => `${describeOdd(odd)}, which is ${facts.message(row)}`);
    }
    for (const session of book.sessions.sessions) checkSession(facts, report, session);
    checkEmpty(facts, report);
  },
};

function describeOdd({ connection, event }: OddDelivery): string {
  const what = event.message === 0 ? 'an empty message' : `message ${event.message}`;
  return `${connection.client.id} got ${what} on ${event.topic} at ${seconds(event.at)} from ${connection.connect.server}`;
}

function checkSession(facts: Facts, report: Report, session: Session): void {
  const { deliveries, messages } = facts.book;
  const matching = facts.matcher(session);
  for (const row of facts.deliveriesBySession.of(session.index)) {
    report.checked();
    const message = deliveries.message(row);
    const fault = faultOf(facts, row, matching(messages.topic(message)));
    if (fault === null) continue;
    const { connect } = facts.connection(deliveries.connection(row));
    report.violate(
      () =>
        `${session.client.id} got ${facts.message(message)} at ${seconds(deliveries.at(row))} from ${connect.server}, ${fault}`,
    );
  }
}

function faultOf({ book }: Facts, delivery: number, matching: readonly Subscription[]): string | null {
  const { deliveries, messages } = book;
  const message = deliveries.message(delivery);
  const asked = matching.filter(
    (one) => one.sequence < deliveries.sequence(delivery) && one.granted < refusedMin,
  );
  if (asked.length === 0) return 'but it had no subscription that matches';
  const sent = messages.firstSequence(message);
  const isRetained = deliveries.isRetained(delivery);
  if (!isRetained && asked.every(({ goneSequence }) => goneSequence < sent)) {
    return 'which was sent after its subscription had been taken back';
  }
  const qosMax = Math.min(messages.qos(message), Math.max(...asked.map(({ granted }) => granted)));
  if (deliveries.qos(delivery) > qosMax) return `with QoS ${deliveries.qos(delivery)} instead of ${qosMax}`;
  const qosMin = Math.min(messages.qos(message), ...asked.map(({ granted }) => granted));
  if (deliveries.qos(delivery) < qosMin) return `with QoS ${deliveries.qos(delivery)} instead of ${qosMin}`;
  if (isRetained && !messages.isRetained(message)) return 'as a retained message, which it is not';
  if (messages.wasRefused(message) && !messages.isAcked(message) && messages.wayCount(message) === 1) {
    return 'though it had been refused';
  }
  return null;
}

/** An empty payload has no id: some clearing, or nothing of ours, must have been published there before. */
function checkEmpty(facts: Facts, report: Report): void {
  const { topics, messages, emptyDeliveries } = facts.book;
  for (const odd of emptyDeliveries) {
    const { connection, event, sequence } = odd;
    if (!connection.session) continue;
    report.checked();
    const topic = topics.index(event.topic);
    const isAsked = facts
      .matcher(connection.session)(topic)
      .some((one) => one.sequence < sequence);
    if (!isAsked) {
      report.violate(() => `${describeOdd(odd)}, but it had no subscription that matches`);
      continue;
    }
    // A topic that is only known from here was never written to.
    const written = topic < facts.topicCount ? facts.messagesByTopic.of(topic) : [];
    if (!written.some((row) => messages.isClear(row) && messages.firstSequence(row) < sequence)) {
      report.violate(() => `${describeOdd(odd)}, though nobody had cleared it`);
    }
  }
}
