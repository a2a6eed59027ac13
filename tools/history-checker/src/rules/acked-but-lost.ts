import { never } from '../tables/clients.ts';
import type { Sequence, RecordedSubscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { groupBy } from '../tables/group-by.ts';
import { describeRemoteKill } from '../analysis/remote-losses.ts';
import { describeDegradedLoss } from '../analysis/degraded-acks.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * An acknowledged message is delivered to every session that had subscribed before the message was first
 * sent, that was never ended, and whose client was connected when the run had settled. Overlapping
 * subscriptions of a session together require one copy. A subscription that was unsubscribed requires no
 * copy: the server may drop messages that are queued for it (MQTT 3.1.1, 3.10.4).
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
  const topicsOf = new Map<number, [topic: number, subscriptions: readonly RecordedSubscription[]][]>();
  analysis.matches(own).forEach((matching, topic) => {
    for (const [session, subscriptions] of groupBy(matching, (one) => one.session.index)) {
      const topics = topicsOf.get(session);
      if (topics) topics.push([topic, subscriptions]);
      else topicsOf.set(session, [[topic, subscriptions]]);
    }
  });
  // For each message: the index of the last session that received the message, plus one; 0: no session
  // received it.
  const receivers = new Int32Array(tables.messages.count);
  for (const [session, topics] of topicsOf) {
    for (const row of analysis.deliveriesBySession.of(session)) {
      receivers[tables.deliveries.message(row)] = session + 1;
    }
    for (const [topic, subscriptions] of topics) {
      for (const message of analysis.messagesByTopic.of(topic)) {
        const due = isPromised(analysis, message)
          ? dueSubscription(analysis, message, subscriptions)
          : undefined;
        if (due === undefined) continue;
        report.checked();
        if (receivers[message] !== session + 1) reportLoss(analysis, report, message, due);
      }
    }
  }
}

/**
 * Whether the message must be delivered: it was acknowledged, has QoS 1 or 2 and a payload, and is no will.
 */
function isPromised({ tables }: Analysis, message: number): boolean {
  const { messages, settledSequence } = tables;
  return (
    messages.qos(message) > 0 &&
    messages.isAcked(message) &&
    messages.ackSequence(message) < (settledSequence ?? 0) &&
    !messages.isClear(message) &&
    !messages.isWill(message) &&
    // The rule `message-expiry` judges the messages that expire during the run.
    !messages.mayHaveExpired(message, tables.settledAt ?? 0)
  );
}

/** @returns the first subscription to which the message must be delivered; undefined if there is none */
function dueSubscription(
  { tables }: Analysis,
  message: number,
  subscriptions: readonly RecordedSubscription[],
): RecordedSubscription | undefined {
  const sent = tables.messages.firstSequence(message);
  return subscriptions.find(
    ({ ackedSequence, granted, session }) =>
      ackedSequence < sent &&
      granted > 0 &&
      // Each of two clients with the same id receives only a part of a QoS 2 exchange.
      !(session.client.contested && Math.min(granted, tables.messages.qos(message)) === 2),
  );
}

function reportLoss(analysis: Analysis, report: Report, message: number, due: RecordedSubscription): void {
  const exception =
    describeDegradedLoss(analysis, message) ??
    droppedAtBound(analysis, message, due) ??
    describeRemoteKill(analysis, message, due.connection.connect.server);
  const text = (): string =>
    `${due.session.client.id} never received ${analysis.message(message)}, although it had subscribed to ${due.filter} ` +
    `at ${formatSeconds(due.at)} on ${due.connection.connect.server}`;
  if (exception) report.addException(() => `${exception}: ${text()}`);
  else report.addViolation(text);
}

/**
 * Checks the exception of P1 for full queues: a session drops its oldest message when its queue exceeds its
 * bound.
 * @returns a description of the exception; null if the exception does not apply to the message
 */
function droppedAtBound(
  { tables, messagesByTopic }: Analysis,
  message: number,
  due: RecordedSubscription,
): string | null {
  const bound = tables.header.limits.queuedMessagesMax;
  if (bound === undefined) return null;
  const { messages } = tables;
  const sent = messages.firstSequence(message);
  // The exception applies if the message was sent while the client was disconnected, and if messages of the
  // same topic alone filled the queue before the client reconnected.
  const { connections } = due.session;
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

/** Checks that at least one subscriber of each shared subscription receives each message [MQTT5 4.8.2]. */
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
  for (const subscribers of groups.values()) {
    stamp++;
    const remaining = subscribers.filter((subscriber) => active.has(subscriber));
    if (remaining.length === 0 || subscribers.some(({ granted }) => granted === 0)) continue;
    for (const { index } of new Set(subscribers.map(({ session }) => session))) {
      for (const row of analysis.deliveriesBySession.of(index))
        receivers[tables.deliveries.message(row)] = stamp;
    }
    const lastLeftAt = lastDeparture(analysis, subscribers);
    analysis.matches(remaining).forEach((matching, topic) => {
      if (matching.length === 0) return;
      for (const message of analysis.messagesByTopic.of(topic)) {
        const due = isPromised(analysis, message) ? dueSubscription(analysis, message, matching) : undefined;
        if (due === undefined || mayBeLostWithSubscriber(analysis, message, lastLeftAt)) continue;
        report.checked();
        if (receivers[message] !== stamp) reportGroupLoss(analysis, report, message, due);
      }
    });
  }
}

/**
 * Whether a message may be lost because its subscriber left the shared subscription. A QoS 2 message stays
 * with the subscriber that was chosen for it, even when that subscriber's session ends [MQTT5 4.8.2]. A QoS 1
 * message goes to another subscriber (docs/DESIGN.md, "Sessions and queues").
 */
function mayBeLostWithSubscriber({ tables }: Analysis, message: number, lastLeftAt: Sequence): boolean {
  return tables.messages.qos(message) === 2 && lastLeftAt > tables.messages.firstSequence(message);
}

/**
 * @returns the position in the history by which all subscribers that left must have left; `never` if a
 * subscriber was still disconnected when the run had settled. The caller computes the position once for
 * each shared subscription, because the computation is expensive.
 */
function lastDeparture({ tables }: Analysis, subscribers: readonly RecordedSubscription[]): Sequence {
  const settled = tables.settledSequence ?? 0;
  const left = subscribers.map((subscriber) => {
    const { session, endSequence } = subscriber;
    if (Math.min(endSequence, session.promisedUntil) !== never) return certainDeparture(subscriber);
    const wasConnected = session.connections.some(
      ({ connectedSequence, closedSequence }) => connectedSequence < settled && closedSequence > settled,
    );
    return wasConnected ? 0 : never;
  });
  return left.reduce((latest, one) => Math.max(latest, one), 0);
}

/**
 * @returns the position in the history by which a subscriber must have left: its UNSUBACK, or the next
 * CONNACK of its client after the end of the session. A DISCONNECT has no answer, so its position does not
 * show when the server handled it.
 */
function certainDeparture({ session, endSequence, unsubackSequence }: RecordedSubscription): number {
  const left = session.promisedUntil;
  let endKnown: Sequence = never;
  for (const { connectedSequence } of session.client.connections) {
    if (connectedSequence > left && connectedSequence < endKnown) endKnown = connectedSequence;
  }
  return Math.min(endKnown, endSequence === never ? never : unsubackSequence);
}

function reportGroupLoss(
  analysis: Analysis,
  report: Report,
  message: number,
  due: RecordedSubscription,
): void {
  const exception = describeDegradedLoss(analysis, message);
  const text = (): string => `no subscriber of ${due.filter} received ${analysis.message(message)}`;
  if (exception) report.addException(() => `${exception}: ${text()}`);
  else report.addViolation(text);
}
