import { never } from '../tables/clients.ts';
import type { RecordedConnection, RecordedSession, RecordedSubscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { rejectionCodeMin } from '../tables/messages.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * Largest share of the checked messages that may be missing. A busy bridge drops QoS 0 messages and counts
 * them (docs/DESIGN.md, "The bridge").
 */
const missingShareMax = 0.01;
/** Number of missing messages below which the rule reports no violation. */
const missingMin = 3;
/** Time after which all servers have received a new subscription and the connection of its client, ms. */
const knownMs = 1_000;
/** Longest time from PUBLISH to the delivery, ms. */
const arrivalMs = 3_000;

/**
 * The cluster gives no guarantee for a single QoS 0 message, but it serves QoS 0 on all sides of every fault
 * (P7). So almost no message is lost if its servers have no fault and the connections of its publisher and
 * its subscriber stay open.
 */
export const qos0Lost: Rule = {
  name: 'qos0-lost',
  promise: 'P7',
  clause: 'MQTT-4.3.1-1; docs/DESIGN.md, "Promises", P7: QoS 0 is served on all sides of a fault',
  check: (analysis, report) => {
    if (!analysis.hostLoad.isKnown) return;
    const { sessions } = analysis.tables.sessions;
    const untilMs = deadlines(analysis);
    const received = new Int32Array(analysis.tables.messages.count);
    const missing: (() => string)[] = [];
    let judged = 0;
    for (const session of sessions) {
      if (session.client.contested) continue;
      for (const row of analysis.deliveriesBySession.of(session.index)) {
        received[analysis.tables.deliveries.message(row)] = session.index + 1;
      }
      for (const { message, connection } of dueDeliveries(analysis, session, untilMs)) {
        judged++;
        if (received[message] === session.index + 1) continue;
        missing.push(
          () =>
            `${session.client.id} on ${connection.connect.server} never received ${analysis.message(message)}`,
        );
      }
    }
    report.checked(judged);
    reportFinding(report, missing, judged);
  },
};

function reportFinding(report: Report, missing: readonly (() => string)[], judged: number): void {
  const [first] = missing;
  if (first === undefined) return;
  const text = (): string => `${missing.length} of ${judged} QoS 0 messages were lost: ${first()}`;
  if (missing.length < missingMin || missing.length <= judged * missingShareMax) report.addException(text);
  else report.addViolation(text);
}

/** A message, and the subscriber's connection on which it must be delivered. */
interface DueDelivery {
  /** Row of the message in the table of messages. */
  readonly message: number;
  readonly connection: RecordedConnection;
}

/**
 * Yields the QoS 0 messages that must be delivered to the session: the session had a matching subscription,
 * its connection lasted until the deadline, and no fault affected its server.
 */
function* dueDeliveries(
  analysis: Analysis,
  session: RecordedSession,
  untilMs: Float64Array,
): Generator<DueDelivery> {
  const { tables, hostLoad } = analysis;
  const { messages, faults } = tables;
  const matching = analysis.matcher(session);
  for (let topic = 0; topic < analysis.topicCount; topic++) {
    const subscriptions = matching(topic).filter(({ filter }) => !isShared(filter));
    if (subscriptions.length === 0) continue;
    let place = 0;
    for (const message of analysis.messagesByTopic.of(topic)) {
      const toMs = untilMs[message] as number;
      if (toMs === 0) continue;
      const sent = messages.firstSequence(message);
      // Connections and messages are both in the order of the history.
      while ((session.connections[place]?.closedSequence ?? Infinity) < sent) place++;
      const connection = session.connections[place];
      if (connection === undefined) break;
      if (connection.connectedSequence > sent || connection.closedAt < toMs) continue;
      const sentAt = messages.firstAt(message);
      const knownAt = sentAt - knownMs - hostLoad.longest(sentAt - knownMs, sentAt);
      if (connection.connectedAt > knownAt) continue;
      if (!subscriptions.some((one) => isSubscribed(one, knownAt))) continue;
      if (faults.disruptionOf(connection.connect.server, sentAt, toMs)) continue;
      yield { message, connection };
    }
  }
}

function isSubscribed({ ackedAt, endSequence, granted }: RecordedSubscription, knownAt: number): boolean {
  return ackedAt < knownAt && endSequence === never && granted < rejectionCodeMin;
}

/**
 * @returns the time by which each QoS 0 message must have been delivered; 0 for messages that are not
 * checked, because the publisher's connection or the history ended before that time, or a fault affected the
 * publisher's server
 */
function deadlines(analysis: Analysis): Float64Array {
  const { tables, hostLoad } = analysis;
  const { messages, faults } = tables;
  const untilMs = new Float64Array(messages.count);
  for (let message = 0; message < messages.count; message++) {
    if (messages.qos(message) !== 0 || messages.isClear(message) || messages.isWill(message)) continue;
    const sentAt = messages.firstAt(message);
    if (hostLoad.isStarved(sentAt, sentAt + arrivalMs)) continue;
    const toMs = sentAt + arrivalMs + hostLoad.longest(sentAt, sentAt + arrivalMs);
    const sender = analysis.connection(messages.firstConnection(message));
    if (sender.closedAt < toMs || (tables.endAt ?? 0) < toMs) continue;
    if (!faults.disruptionOf(sender.connect.server, sentAt, toMs)) untilMs[message] = toMs;
  }
  return untilMs;
}
