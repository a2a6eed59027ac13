import type { UnexpectedDelivery } from '../tables/history-tables.ts';
import type { Session, Subscription } from '../tables/clients.ts';
import { refusedMin } from '../tables/messages.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * Every delivered message was published on that topic and matches a subscription that had not been ended before the
 * message was sent. Its QoS is the lower one of message and subscription (of one of the subscriptions, where they
 * overlap). It is marked as retained only if it is, and it was not rejected.
 */
export const phantom: Rule = {
  name: 'phantom',
  promise: 'P2',
  clause: 'MQTT-3.8.4-6, MQTT-3.8.4-8, MQTT-3.10.4-2, MQTT-3.3.1-9',
  check: (analysis, report) => {
    const { tables } = analysis;
    for (const unexpected of tables.unknownDeliveries) {
      report.violate(() => `${describeUnexpected(unexpected)}, which was never published`);
    }
    for (const unexpected of tables.wrongTopicDeliveries) {
      const row = tables.messages.row(unexpected.event.message) as number;
      report.violate(() => `${describeUnexpected(unexpected)}, which is ${analysis.message(row)}`);
    }
    for (const session of tables.sessions.sessions) checkSession(analysis, report, session);
    checkEmpty(analysis, report);
  },
};

function describeUnexpected({ connection, event }: UnexpectedDelivery): string {
  const what = event.message === 0 ? 'an empty message' : `message ${event.message}`;
  return `${connection.client.id} received ${what} on ${event.topic} at ${seconds(event.at)} from ${connection.connect.server}`;
}

function checkSession(analysis: Analysis, report: Report, session: Session): void {
  const { deliveries, messages } = analysis.tables;
  const matching = analysis.matcher(session);
  for (const row of analysis.deliveriesBySession.of(session.index)) {
    report.checked();
    const message = deliveries.message(row);
    const violation = violationOf(analysis, row, matching(messages.topic(message)));
    if (violation === null) continue;
    const { connect } = analysis.connection(deliveries.connection(row));
    report.violate(
      () =>
        `${session.client.id} received ${analysis.message(message)} at ${seconds(deliveries.at(row))} from ${connect.server}, ${violation}`,
    );
  }
}

function violationOf(
  { tables }: Analysis,
  delivery: number,
  matching: readonly Subscription[],
): string | null {
  const { deliveries, messages } = tables;
  const message = deliveries.message(delivery);
  const matched = matching.filter(
    (one) => one.sequence < deliveries.sequence(delivery) && one.granted < refusedMin,
  );
  if (matched.length === 0) return 'but no subscription of the client matches';
  const sent = messages.firstSequence(message);
  const isRetained = deliveries.isRetained(delivery);
  if (!isRetained && matched.every(({ goneSequence }) => goneSequence < sent)) {
    return 'which was sent after the end of its subscription';
  }
  const qosMax = Math.min(messages.qos(message), Math.max(...matched.map(({ granted }) => granted)));
  if (deliveries.qos(delivery) > qosMax) return `with QoS ${deliveries.qos(delivery)} instead of ${qosMax}`;
  const qosMin = Math.min(messages.qos(message), ...matched.map(({ granted }) => granted));
  if (deliveries.qos(delivery) < qosMin) return `with QoS ${deliveries.qos(delivery)} instead of ${qosMin}`;
  if (isRetained && !messages.isRetained(message)) return 'marked as retained, which it is not';
  if (
    messages.wasRefused(message) &&
    !messages.isAcked(message) &&
    messages.sendConnectionCount(message) === 1
  ) {
    return 'although the server had rejected it';
  }
  return null;
}

/** An empty payload has no id, so some clear must have been published on the topic before. */
function checkEmpty(analysis: Analysis, report: Report): void {
  const { topics, messages, emptyDeliveries } = analysis.tables;
  for (const unexpected of emptyDeliveries) {
    const { connection, event, sequence } = unexpected;
    if (!connection.session) continue;
    report.checked();
    const topic = topics.index(event.topic);
    const isSubscribed = analysis
      .matcher(connection.session)(topic)
      .some((one) => one.sequence < sequence);
    if (!isSubscribed) {
      report.violate(() => `${describeUnexpected(unexpected)}, but no subscription of the client matches`);
      continue;
    }
    // A topic that only this delivery mentions was never written.
    const written = topic < analysis.topicCount ? analysis.messagesByTopic.of(topic) : [];
    if (!written.some((row) => messages.isClear(row) && messages.firstSequence(row) < sequence)) {
      report.violate(() => `${describeUnexpected(unexpected)}, although no client had cleared the topic`);
    }
  }
}
