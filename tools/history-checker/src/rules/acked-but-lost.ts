import { never } from '../tables/clients.ts';
import type { Sequence, Subscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { groupBy } from '../tables/group-by.ts';
import { degradedLoss } from '../analysis/degraded-acks.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * An acknowledged message comes to every session that had subscribed before the message was first sent, that was never
 * ended, and whose client was connected when the run had settled. Overlapping subscriptions require one copy. A
 * subscription that was unsubscribed requires none: the server may drop messages that are queued for it
 * [MQTT-3.10.4-3].
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
  // For each message the last session that received it, plus one.
  const receivers = new Int32Array(tables.messages.count);
  for (const [session, topics] of topicsOf) {
    for (const row of analysis.deliveriesBySession.of(session)) {
      receivers[tables.deliveries.message(row)] = session + 1;
    }
    for (const [topic, subscriptions] of topics) {
      for (const message of analysis.messagesByTopic.of(topic)) {
        const owed = isPromised(analysis, message)
          ? subscriptionOwed(analysis, message, subscriptions)
          : undefined;
        if (owed === undefined) continue;
        report.checked();
        if (receivers[message] !== session + 1) reportLoss(analysis, report, message, owed);
      }
    }
  }
}

/** The message is acknowledged, has QoS 1 or 2 and a payload, and is no will. */
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

function subscriptionOwed(
  { tables }: Analysis,
  message: number,
  subscriptions: readonly Subscription[],
): Subscription | undefined {
  const sent = tables.messages.firstSequence(message);
  return subscriptions.find(
    ({ ackedSequence, granted, session }) =>
      ackedSequence < sent &&
      granted > 0 &&
      // Two clients with one id each have only a part of a QoS 2 exchange.
      !(session.client.contested && Math.min(granted, tables.messages.qos(message)) === 2),
  );
}

function reportLoss(analysis: Analysis, report: Report, message: number, owed: Subscription): void {
  const excuse = degradedLoss(analysis, message) ?? droppedAtBound(analysis, message, owed);
  const text = (): string =>
    `${owed.session.client.id} never received ${analysis.message(message)}, although it had subscribed to ${owed.filter} ` +
    `at ${seconds(owed.at)} on ${owed.connection.connect.server}`;
  if (excuse) report.excuse(() => `${excuse}: ${text()}`);
  else report.violate(text);
}

/** The exception of P1 for full queues: the oldest message is dropped when a session's queue exceeds its bound. */
function droppedAtBound(
  { tables, messagesByTopic }: Analysis,
  message: number,
  owed: Subscription,
): string | null {
  const bound = tables.header.limits.queuedMessagesMax;
  if (bound === undefined) return null;
  const { messages } = tables;
  const sent = messages.firstSequence(message);
  // The message was sent while the client was disconnected, and so many messages of its topic alone followed before the
  // client reconnected.
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

/** At least one member of a group receives each message [MQTT5 4.8.2]. */
function checkGroups(analysis: Analysis, report: Report): void {
  const { tables, activeSubscriptions } = analysis;
  const groups = groupBy(
    tables.sessions.sessions.flatMap(({ subscriptions }) =>
      subscriptions.filter(({ filter }) => isShared(filter)),
    ),
    ({ filter }) => filter,
  );
  const active = new Set(activeSubscriptions);
  const receivers = new Int32Array(tables.messages.count);
  let stamp = 0;
  for (const members of groups.values()) {
    stamp++;
    const staying = members.filter((member) => active.has(member));
    if (staying.length === 0 || members.some(({ granted }) => granted === 0)) continue;
    for (const { index } of new Set(members.map(({ session }) => session))) {
      for (const row of analysis.deliveriesBySession.of(index))
        receivers[tables.deliveries.message(row)] = stamp;
    }
    const lastLeftAt = lastDeparture(analysis, members);
    analysis.matches(staying).forEach((matching, topic) => {
      if (matching.length === 0) return;
      for (const message of analysis.messagesByTopic.of(topic)) {
        const owed = isPromised(analysis, message)
          ? subscriptionOwed(analysis, message, matching)
          : undefined;
        if (owed === undefined || mayHaveLeftWith(analysis, message, lastLeftAt)) continue;
        report.checked();
        if (receivers[message] !== stamp) reportGroupLoss(analysis, report, message, owed);
      }
    });
  }
}

/**
 * A QoS 2 message stays with the member that was chosen, even when that member's session ends [MQTT5 4.8.2]. QoS 1
 * messages go to another member (docs/DESIGN.md, "Sessions and queues").
 */
function mayHaveLeftWith({ tables }: Analysis, message: number, lastLeftAt: Sequence): boolean {
  return tables.messages.qos(message) === 2 && lastLeftAt > tables.messages.firstSequence(message);
}

/**
 * @returns the position at which the last leaving member had certainly left; `never` if a member may still be
 * disconnected. Computed once for each group, because it is expensive.
 */
function lastDeparture({ tables }: Analysis, members: readonly Subscription[]): Sequence {
  const settled = tables.settledSequence ?? 0;
  const left = members.map((member) => {
    const { session, endSequence } = member;
    if (Math.min(endSequence, session.promisedUntil) !== never) return certainDeparture(member);
    const wasConnected = session.connections.some(
      ({ connectedSequence, closedSequence }) => connectedSequence < settled && closedSequence > settled,
    );
    return wasConnected ? 0 : never;
  });
  return left.reduce((latest, one) => Math.max(latest, one), 0);
}

/** DISCONNECT has no answer: a member has certainly left at its UNSUBACK or at its client's next CONNACK. */
function certainDeparture({ session, endSequence, goneSequence }: Subscription): number {
  const left = session.promisedUntil;
  let endKnown: Sequence = never;
  for (const { connectedSequence } of session.client.connections) {
    if (connectedSequence > left && connectedSequence < endKnown) endKnown = connectedSequence;
  }
  return Math.min(endKnown, endSequence === never ? never : goneSequence);
}

function reportGroupLoss(analysis: Analysis, report: Report, message: number, owed: Subscription): void {
  const excuse = degradedLoss(analysis, message);
  const text = (): string => `no member of ${owed.filter} received ${analysis.message(message)}`;
  if (excuse) report.excuse(() => `${excuse}: ${text()}`);
  else report.violate(text);
}
