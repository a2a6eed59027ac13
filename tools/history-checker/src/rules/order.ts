import { never } from '../tables/clients.ts';
import type { RecordedSession, RecordedSubscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * A session receives the messages of one publisher, topic and QoS in the order in which they were sent. Only
 * the first delivery of a message is checked, because a redelivery may come late. A message that was resent
 * on another connection may arrive through either connection. So the rule reports message A after message B
 * only if A was sent first, and if A was sent on every connection on which B was sent. Sessions with shared
 * subscriptions are excluded, because the messages of a shared subscription go to different subscribers.
 */
export const order: Rule = {
  name: 'order',
  promise: 'P2',
  clause: 'MQTT-4.6.0-5, MQTT-4.6.0-6',
  check: (analysis, report) => {
    const stamps = new Int32Array(analysis.tables.messages.count);
    for (const session of analysis.tables.sessions.sessions) {
      if (session.client.contested || session.subscriptions.some(({ filter }) => isShared(filter))) continue;
      checkSession(analysis, report, session, stamps);
    }
  },
};

/** The latest messages that a session has received so far from one publisher on one topic at one QoS. */
interface Lane {
  /** Row of the received message that was sent last. */
  latest: number;
  /**
   * Key: the connections on which a message was sent (first send and resends), joined by spaces. Value: row
   * of the latest such message that was received.
   */
  readonly byConnections: Map<string, number>;
}

function checkSession(
  analysis: Analysis,
  report: Report,
  session: RecordedSession,
  stamps: Int32Array,
): void {
  const { deliveries, messages } = analysis.tables;
  const matching = analysis.matcher(session);
  const lanes = new Map<string, Lane>();
  for (const row of analysis.deliveriesBySession.of(session.index)) {
    const message = deliveries.message(row);
    if (deliveries.isRetained(row) || stamps[message] === session.index + 1) continue;
    stamps[message] = session.index + 1;
    if (messages.isWill(message)) continue;
    // QoS 0 messages are not queued, so a session may have missed every copy except the last one.
    if (deliveries.qos(row) === 0 && messages.sendConnectionCount(message) > 1) continue;
    // The first copy may have expired in the queue.
    if (messages.expiryMs(message) !== null && messages.sendConnectionCount(message) > 1) continue;
    if (!wasSubscribed(analysis, message, row, matching(messages.topic(message)))) continue;
    report.checked();
    const { client } = analysis.connection(messages.firstConnection(message));
    const key = `${messages.topic(message)} ${messages.qos(message)}${deliveries.qos(row)} ${client.id}`;
    const lane = lanes.get(key);
    const senders = messages.sendConnections(message).join(' ');
    if (!lane) {
      lanes.set(key, { latest: message, byConnections: new Map([[senders, message]]) });
      continue;
    }
    if (message < lane.latest) reportReordering(analysis, report, row, lane);
    lane.latest = Math.max(lane.latest, message);
    lane.byConnections.set(senders, Math.max(lane.byConnections.get(senders) ?? -1, message));
  }
}

/**
 * Whether a matching subscription was acknowledged before the message was first sent. If not, the session may
 * have received only a later copy that the publisher resent.
 */
function wasSubscribed(
  { tables }: Analysis,
  message: number,
  delivery: number,
  matching: readonly RecordedSubscription[],
): boolean {
  const sent = tables.messages.firstSequence(message);
  const arrived = tables.deliveries.sequence(delivery);
  return matching.some(
    ({ ackedSequence, endSequence }) =>
      ackedSequence < sent && (endSequence === never || endSequence > arrived),
  );
}

/**
 * Reports a delivery if a message that was sent later on the same connections was delivered before. Message
 * rows are in the order of the first PUBLISH.
 */
function reportReordering(analysis: Analysis, report: Report, delivery: number, lane: Lane): void {
  const { deliveries, messages } = analysis.tables;
  const message = deliveries.message(delivery);
  const senders = new Set(messages.sendConnections(message).map(String));
  const overtaker = [...lane.byConnections].find(
    ([others, latest]) => latest > message && others.split(' ').every((sender) => senders.has(sender)),
  );
  if (!overtaker) return;
  const { client, connect } = analysis.connection(deliveries.connection(delivery));
  report.addViolation(
    () =>
      `${client.id} received ${analysis.message(message)} at ${formatSeconds(deliveries.at(delivery))} on ${connect.server}, ` +
      `after ${analysis.message(overtaker[1])}`,
  );
}
