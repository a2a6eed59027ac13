import type { UnexpectedDelivery } from '../tables/history-tables.ts';
import type { RecordedSession, RecordedSubscription } from '../tables/clients.ts';
import { rejectionCodeMin } from '../tables/messages.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * Every delivered message was published on the topic of the delivery, was not rejected, and matches a
 * subscription that had not ended before the message was sent. The QoS of the delivery is the lower QoS of
 * the message and the subscription (of any matching subscription, if several overlap). Only a retained
 * message is marked as retained.
 */
export const phantom: Rule = {
  name: 'phantom',
  promise: 'P2',
  clause: 'MQTT-3.8.4-6, MQTT-3.8.4-8, MQTT-3.10.4-2, MQTT-3.3.1-9',
  check: (analysis, report) => {
    const { tables } = analysis;
    for (const unexpected of tables.unknownDeliveries) {
      report.addViolation(() => `${describeUnexpected(unexpected)}, which was never published`);
    }
    for (const unexpected of tables.wrongTopicDeliveries) {
      const row = tables.messages.row(unexpected.event.message) as number;
      report.addViolation(
        () => `${describeUnexpected(unexpected)}, but that id belongs to ${analysis.message(row)}`,
      );
    }
    for (const session of tables.sessions.sessions) checkSession(analysis, report, session);
    checkEmpty(analysis, report);
  },
};

function describeUnexpected({ connection, event }: UnexpectedDelivery): string {
  const what = event.message === 0 ? 'an empty message' : `message ${event.message}`;
  return `${connection.client.id} received ${what} on ${event.topic} at ${formatSeconds(event.at)} from ${connection.connect.server}`;
}

function checkSession(analysis: Analysis, report: Report, session: RecordedSession): void {
  const { deliveries, messages } = analysis.tables;
  const matching = analysis.matcher(session);
  for (const row of analysis.deliveriesBySession.of(session.index)) {
    report.checked();
    const message = deliveries.message(row);
    const violation = violationOf(analysis, row, matching(messages.topic(message)));
    if (violation === null) continue;
    const { connect } = analysis.connection(deliveries.connection(row));
    report.addViolation(
      () =>
        `${session.client.id} received ${analysis.message(message)} at ${formatSeconds(deliveries.at(row))} from ${connect.server}, ${violation}`,
    );
  }
}

function violationOf(
  { tables }: Analysis,
  delivery: number,
  matching: readonly RecordedSubscription[],
): string | null {
  const { deliveries, messages } = tables;
  const message = deliveries.message(delivery);
  const matched = matching.filter(
    (one) => one.sequence < deliveries.sequence(delivery) && one.granted < rejectionCodeMin,
  );
  if (matched.length === 0) return 'but no subscription of the client matches';
  const sent = messages.firstSequence(message);
  const isRetained = deliveries.isRetained(delivery);
  if (!isRetained && matched.every(({ unsubackSequence }) => unsubackSequence < sent)) {
    return 'which was sent after the end of the matching subscription';
  }
  const qosMax = Math.min(messages.qos(message), Math.max(...matched.map(({ granted }) => granted)));
  if (deliveries.qos(delivery) > qosMax) return `with QoS ${deliveries.qos(delivery)} instead of ${qosMax}`;
  const qosMin = Math.min(messages.qos(message), ...matched.map(({ granted }) => granted));
  if (deliveries.qos(delivery) < qosMin) return `with QoS ${deliveries.qos(delivery)} instead of ${qosMin}`;
  if (isRetained && !messages.isRetained(message))
    return 'marked as retained, although it was published without the retain flag';
  if (
    messages.wasRejected(message) &&
    !messages.isAcked(message) &&
    messages.sendConnectionCount(message) === 1
  ) {
    return 'although the server had rejected it';
  }
  return null;
}

/**
 * Checks deliveries with an empty payload. These deliveries contain no message id, so any earlier clear of
 * the topic allows them.
 */
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
      report.addViolation(
        () => `${describeUnexpected(unexpected)}, but no subscription of the client matches`,
      );
      continue;
    }
    // If only this delivery contains the topic, no client has published on it.
    const written = topic < analysis.topicCount ? analysis.messagesByTopic.of(topic) : [];
    if (!written.some((row) => messages.isClear(row) && messages.firstSequence(row) < sequence)) {
      report.addViolation(
        () => `${describeUnexpected(unexpected)}, although no client had cleared the topic`,
      );
    }
  }
}
