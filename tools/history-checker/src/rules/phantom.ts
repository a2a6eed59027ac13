import type { UnexpectedDelivery } from '../tables/history-tables.ts';
import type { Session, Subscription } from '../tables/clients.ts';
import { refusedMin } from '../tables/messages.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * What arrives was published, under that topic, and was asked for: by a subscription that matches it and was not taken back
 * before it was sent, at the QoS of both (of one of its subscriptions, where they overlap), as retained only if it is, and not if it was refused.
 */
export const phantom: Rule = {
  name: 'phantom',
  promise: 'P2',
  clause: 'MQTT-3.8.4-6, MQTT-3.8.4-8, MQTT-3.10.4-2, MQTT-3.3.1-9',
  check: (analysis, report) => {
    const { tables } = analysis;
    for (const odd of tables.unknownDeliveries) {
      report.violate(() => `${describeUnexpected(odd)}, which was never published`);
    }
    for (const odd of tables.wrongTopicDeliveries) {
      const row = tables.messages.row(odd.event.message) as number;
      report.violate(() => `${describeUnexpected(odd)}, which is ${analysis.message(row)}`);
    }
    for (const session of tables.sessions.sessions) checkSession(analysis, report, session);
    checkEmpty(analysis, report);
  },
};

function describeUnexpected({ connection, event }: UnexpectedDelivery): string {
  const what = event.message === 0 ? 'an empty message' : `message ${event.message}`;
  return `${connection.client.id} got ${what} on ${event.topic} at ${seconds(event.at)} from ${connection.connect.server}`;
}

function checkSession(analysis: Analysis, report: Report, session: Session): void {
  const { deliveries, messages } = analysis.tables;
  const matching = analysis.matcher(session);
  for (const row of analysis.deliveriesBySession.of(session.index)) {
    report.checked();
    const message = deliveries.message(row);
    const fault = faultOf(analysis, row, matching(messages.topic(message)));
    if (fault === null) continue;
    const { connect } = analysis.connection(deliveries.connection(row));
    report.violate(
      () =>
        `${session.client.id} got ${analysis.message(message)} at ${seconds(deliveries.at(row))} from ${connect.server}, ${fault}`,
    );
  }
}

function faultOf({ tables }: Analysis, delivery: number, matching: readonly Subscription[]): string | null {
  const { deliveries, messages } = tables;
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
  if (
    messages.wasRefused(message) &&
    !messages.isAcked(message) &&
    messages.sendConnectionCount(message) === 1
  ) {
    return 'though it had been refused';
  }
  return null;
}

/** An empty payload has no id: some clearing, or nothing of ours, must have been published there before. */
function checkEmpty(analysis: Analysis, report: Report): void {
  const { topics, messages, emptyDeliveries } = analysis.tables;
  for (const odd of emptyDeliveries) {
    const { connection, event, sequence } = odd;
    if (!connection.session) continue;
    report.checked();
    const topic = topics.index(event.topic);
    const isAsked = analysis
      .matcher(connection.session)(topic)
      .some((one) => one.sequence < sequence);
    if (!isAsked) {
      report.violate(() => `${describeUnexpected(odd)}, but it had no subscription that matches`);
      continue;
    }
    // A topic that is only known from here was never written to.
    const written = topic < analysis.topicCount ? analysis.messagesByTopic.of(topic) : [];
    if (!written.some((row) => messages.isClear(row) && messages.firstSequence(row) < sequence)) {
      report.violate(() => `${describeUnexpected(odd)}, though nobody had cleared it`);
    }
  }
}
