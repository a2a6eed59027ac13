import { never } from '../tables/clients.ts';
import type { Sequence, Subscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { groupBy } from '../tables/group-by.ts';
import { wipedAfterAck } from '../analysis/degraded-acks.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * What a server acknowledged comes to every session that had subscribed before it was first sent, that was never ended,
 * and whose client was connected when the run had settled. An overlap of subscriptions asks for one copy. A subscription
 * that was taken back promises nothing: what is still queued for it may go [MQTT-3.10.4-3].
 */
export const ackedButLost: Rule = {
  name: 'acked-but-lost',
  promise: 'P1, P2',
  clause: 'MQTT-4.3.2-2, MQTT-4.3.3-2, MQTT-4.5.0-1',
  check: (analysis, report) => {
    checkSessions(analysis, report);
    checkGroups(analysis, report);
  },
};

function checkSessions(analysis: Analysis, report: Report): void {
  const { tables } = analysis;
  const own = analysis.activeSubscriptions.filter(({ filter }) => !isShared(filter));
  const topicsOf = new Map<number, [topic: number, subscriptions: readonly Subscription[]][]>();
  analysis.matches(own).forEach((matching, topic) => {
    for (const [session, subscriptions] of groupBy(matching, (one) => one.session.index)) {
      const topics = topicsOf.get(session);
      if (topics) topics.push([topic, subscriptions]);
      else topicsOf.set(session, [[topic, subscriptions]]);
    }
  });
  // Who has got a message: the last session that was looked at, plus one.
  const receivers = new Int32Array(tables.messages.count);
  for (const [session, topics] of topicsOf) {
    for (const row of analysis.deliveriesBySession.of(session)) {
      receivers[tables.deliveries.message(row)] = session + 1;
    }
    for (const [topic, subscriptions] of topics) {
      for (const message of analysis.messagesByTopic.of(topic)) {
        const owed = isPromised(analysis, message) ? owing(analysis, message, subscriptions) : undefined;
        if (owed === undefined) continue;
        report.checked();
        if (receivers[message] !== session + 1) reportLoss(analysis, report, message, owed);
      }
    }
  }
}

/** By the ack of a QoS 1 or 2 message with a body. A will is nobody's acknowledged message. */
function isPromised({ tables }: Analysis, message: number): boolean {
  const { messages, settledSequence } = tables;
  return (
    messages.qos(message) > 0 &&
    messages.isAcked(message) &&
    messages.ackSequence(message) < (settledSequence ?? 0) &&
    !messages.isClear(message) &&
    !messages.isWill(message)
  );
}

function owing(
  { tables }: Analysis,
  message: number,
  subscriptions: readonly Subscription[],
): Subscription | undefined {
  const sent = tables.messages.firstSequence(message);
  return subscriptions.find(
    ({ ackedSequence, granted, session }) =>
      ackedSequence < sent &&
      granted > 0 &&
      // Of two clients with one id each has only its own half of a QoS 2 exchange.
      !(session.client.contested && Math.min(granted, tables.messages.qos(message)) === 2),
  );
}

function reportLoss(analysis: Analysis, report: Report, message: number, owed: Subscription): void {
  const excuse = wipedAfterAck(analysis, message) ?? dropped(analysis, message, owed);
  const text = (): string =>
    `${owed.session.client.id} never got ${analysis.message(message)}, though it had subscribed to ${owed.filter} ` +
    `at ${seconds(owed.at)} on ${owed.connection.connect.server}`;
  if (excuse) report.excuse(() => `${excuse}: ${text()}`);
  else report.violate(text);
}

/** P1's first exception: the oldest go when more are queued for a session than its bound. */
function dropped({ tables, messagesByTopic }: Analysis, message: number, owed: Subscription): string | null {
  const bound = tables.header.limits.queuedMessagesMax;
  if (bound === undefined) return null;
  const { messages } = tables;
  const sent = messages.firstSequence(message);
  // It was sent while its client was away, and so many of its topic alone followed before the client came back.
  const { connections } = owed.session;
  if (connections.some((one) => one.connectedSequence < sent && one.closedSequence > sent)) return null;
  const back = Math.min(...connections.map((one) => one.connectedSequence).filter((at) => at > sent));
  const followers = messagesByTopic
    .of(messages.topic(message))
    .filter(
      (row) =>
        messages.firstSequence(row) > sent && messages.firstSequence(row) < back && messages.qos(row) > 0,
    );
  return followers.length >= bound ? `dropped at the bound of ${bound} queued messages` : null;
}

/** A group gets each message through at least one of its members [MQTT5 4.8.2]. */
function checkGroups(analysis: Analysis, report: Report): void {
  const { tables, activeSubscriptions } = analysis;
  const groups = groupBy(
    tables.sessions.sessions.flatMap(({ subscriptions }) =>
      subscriptions.filter(({ filter }) => isShared(filter)),
    ),
    ({ filter }) => filter,
  );
  const stands = new Set(activeSubscriptions);
  const receivers = new Int32Array(tables.messages.count);
  let stamp = 0;
  for (const members of groups.values()) {
    stamp++;
    const staying = members.filter((member) => stands.has(member));
    if (staying.length === 0 || members.some(({ granted }) => granted === 0)) continue;
    for (const { index } of new Set(members.map(({ session }) => session))) {
      for (const row of analysis.deliveriesBySession.of(index))
        receivers[tables.deliveries.message(row)] = stamp;
    }
    const lastLeftAt = lastToLeave(analysis, members);
    analysis.matches(staying).forEach((matching, topic) => {
      if (matching.length === 0) return;
      for (const message of analysis.messagesByTopic.of(topic)) {
        const owed = isPromised(analysis, message) ? owing(analysis, message, matching) : undefined;
        if (owed === undefined || mayHaveLeftWith(analysis, message, lastLeftAt)) continue;
        report.checked();
        if (receivers[message] !== stamp) reportGroupLoss(analysis, report, message, owed);
      }
    });
  }
}

/**
 * A QoS 2 message stays with the member that was chosen, also when that one's session ends [MQTT5 4.8.2]. QoS 1 is given
 * to another one (design, 7).
 */
function mayHaveLeftWith({ tables }: Analysis, message: number, lastLeftAt: Sequence): boolean {
  return tables.messages.qos(message) === 2 && lastLeftAt > tables.messages.firstSequence(message);
}

/** When the last of a group's members to leave had left for certain; `never` if one may still be away. Once a group: it is dear. */
function lastToLeave({ tables }: Analysis, members: readonly Subscription[]): Sequence {
  const settled = tables.settledSequence ?? 0;
  const left = members.map((member) => {
    const { session, endSequence } = member;
    if (Math.min(endSequence, session.promisedUntil) !== never) return knownToHaveLeft(member);
    const isHere = session.connections.some(
      ({ connectedSequence, closedSequence }) => connectedSequence < settled && closedSequence > settled,
    );
    return isHere ? 0 : never;
  });
  return left.reduce((latest, one) => Math.max(latest, one), 0);
}

/** Nobody answers a DISCONNECT: that a member is gone is certain when its UNSUBACK or its client's next CONNACK has come. */
function knownToHaveLeft({ session, endSequence, goneSequence }: Subscription): number {
  const left = session.promisedUntil;
  let endKnown: Sequence = never;
  for (const { connectedSequence } of session.client.connections) {
    if (connectedSequence > left && connectedSequence < endKnown) endKnown = connectedSequence;
  }
  return Math.min(endKnown, endSequence === never ? never : goneSequence);
}

function reportGroupLoss(analysis: Analysis, report: Report, message: number, owed: Subscription): void {
  const excuse = wipedAfterAck(analysis, message);
  const text = (): string => `nobody of ${owed.filter} got ${analysis.message(message)}`;
  if (excuse) report.excuse(() => `${excuse}: ${text()}`);
  else report.violate(text);
}
