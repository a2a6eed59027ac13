import { never } from '../tables/clients.ts';
import type { Connection, Session, Subscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { refusedMin } from '../tables/messages.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/** A busy bridge may drop QoS 0, and counts it (design, 4): so many of those that were judged. */
const missingShareMax = 0.01;
/** Fewer are no sign of anything. */
const missingMin = 3;
/** What a subscriber asks for and where it is connected has come to all servers by then. */
const knownMs = 1_000;
/** From PUBLISH to the delivery. */
const arrivalMs = 3_000;

/**
 * QoS 0 is promised to nobody in particular, but it is served on all sides of everything (P7): of what is sent and received
 * on connections that stay, through servers that no fault touches, next to nothing is lost.
 */
export const qos0Lost: Rule = {
  name: 'qos0-lost',
  promise: 'P7',
  clause: 'MQTT-4.3.1-1; design, 1: the others keep serving QoS 0',
  check: (analysis, report) => {
    if (!analysis.hostLoad.isKnown) return;
    const { sessions } = analysis.tables.sessions;
    const untilMs = arrivals(analysis);
    const received = new Int32Array(analysis.tables.messages.count);
    const missing: (() => string)[] = [];
    let judged = 0;
    for (const session of sessions) {
      if (session.client.contested) continue;
      for (const row of analysis.deliveriesBySession.of(session.index)) {
        received[analysis.tables.deliveries.message(row)] = session.index + 1;
      }
      for (const { message, connection } of owed(analysis, session, untilMs)) {
        judged++;
        if (received[message] === session.index + 1) continue;
        missing.push(
          () => `${session.client.id} on ${connection.connect.server} never got ${analysis.message(message)}`,
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
  const text = (): string => `${missing.length} of ${judged} were lost: ${first()}`;
  if (missing.length < missingMin || missing.length <= judged * missingShareMax) report.excuse(text);
  else report.violate(text);
}

interface Owed {
  readonly message: number;
  readonly connection: Connection;
}

/** What came to be sent while one of the session's connections, and the sender's, lasted. */
function* owed(analysis: Analysis, session: Session, untilMs: Float64Array): Generator<Owed> {
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
      // Both are in the order of time.
      while ((session.connections[place]?.closedSequence ?? Infinity) < sent) place++;
      const connection = session.connections[place];
      if (connection === undefined) break;
      if (connection.connectedSequence > sent || connection.closedAt < toMs) continue;
      const sentAt = messages.firstAt(message);
      const knownAt = sentAt - knownMs - hostLoad.longest(sentAt - knownMs, sentAt);
      if (connection.connectedAt > knownAt) continue;
      if (!subscriptions.some((one) => isAsked(one, knownAt))) continue;
      if (faults.disruptionOf(connection.connect.server, sentAt, toMs)) continue;
      yield { message, connection };
    }
  }
}

function isAsked({ ackedAt, endSequence, granted }: Subscription, knownAt: number): boolean {
  return ackedAt < knownAt && endSequence === never && granted < refusedMin;
}

/** By when each QoS 0 message must have come; 0 where its sender or the history ended before, or a fault was felt. */
function arrivals(analysis: Analysis): Float64Array {
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
