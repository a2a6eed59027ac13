import { mayHaveDegradedAck } from '../analysis/degraded-acks.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import { never } from '../tables/clients.ts';
import type { RecordedSession } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { rejectionCodeMin } from '../tables/messages.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

const msPerSecond = 1_000;
/** Longest time from the expiry of a message to a delivery that began before it, on an idle machine, ms. */
const lateMsMax = 1_500;

/**
 * A message is not delivered after its expiry, and its interval is shorter by the time that it has waited. A
 * message is not skipped before its expiry: the queue of a session is in the order of the log, so the delivery
 * of a message that was sent later shows that the message's turn has passed. Messages that were sent twice or
 * that may have a degraded acknowledgement are excluded, because their time begins later.
 */
export const messageExpiry: Rule = {
  name: 'message-expiry',
  promise: 'P2',
  clause: 'MQTT5 MQTT-3.3.2-5, MQTT-3.3.2-6',
  check: (analysis, report) => {
    const { deliveries } = analysis.tables;
    for (let row = 0; row < deliveries.count; row++) checkDelivery(analysis, report, row);
    for (const session of analysis.tables.sessions.sessions) checkSkipped(analysis, report, session);
  },
};

/** Whether one entry holds the message, and it is not newer than the acknowledgement. */
function isOnce(analysis: Analysis, message: number): boolean {
  const { messages } = analysis.tables;
  return (
    messages.isAcked(message) &&
    messages.qos(message) > 0 &&
    messages.sendConnectionCount(message) === 1 &&
    !mayHaveDegradedAck(analysis, message)
  );
}

function checkDelivery(analysis: Analysis, report: Report, row: number): void {
  const { deliveries, messages, faults } = analysis.tables;
  const message = deliveries.message(row);
  const expiryMs = messages.expiryMs(message);
  if (expiryMs === null) return;
  const atMs = deliveries.at(row);
  const { client, connect } = analysis.connection(deliveries.connection(row));
  const what = (text: string) => (): string =>
    `${client.id} received ${analysis.message(message)} from ${connect.server} at ${formatSeconds(atMs)} ${text}`;
  const seconds = deliveries.expirySeconds(row);
  report.checked();
  if (connect.version === 5) {
    // A QoS 2 message that was sent before its expiry is sent again after it, with an interval of 0.
    const least = deliveries.isDup(row) && deliveries.qos(row) === 2 ? 0 : 1;
    const leastMs = expiryMs - (atMs - messages.firstAt(message)) - msPerSecond;
    if (
      seconds === null ||
      seconds < least ||
      seconds * msPerSecond < leastMs ||
      seconds * msPerSecond > expiryMs
    )
      report.addViolation(
        what(`with an expiry of ${seconds ?? 'no'} s instead of ${expiryMs / msPerSecond} s`),
      );
  }
  // A delivery that began before the expiry may be repeated after it.
  if (!isOnce(analysis, message) || deliveries.isDup(row)) return;
  const sinceMs = messages.ackAt(message);
  if (faults.disruptionOf(connect.server, sinceMs, atMs)) return;
  const deadlineMs = sinceMs + expiryMs + lateMsMax;
  const allowanceMs = analysis.hostLoad.longest(sinceMs, atMs);
  if (!report.inTime(atMs - deadlineMs, allowanceMs))
    analysis.reportLate(report, sinceMs, atMs, what('after its expiry'));
  const mostMs = deadlineMs + allowanceMs - atMs + msPerSecond;
  if (seconds !== null && seconds * msPerSecond > mostMs && mostMs > 0)
    analysis.reportLate(
      report,
      sinceMs,
      atMs,
      what(`with an expiry of ${seconds} s, which was not decremented`),
    );
}

function checkSkipped(analysis: Analysis, report: Report, session: RecordedSession): void {
  const { deliveries, messages, settledAt } = analysis.tables;
  const { client, subscriptions } = session;
  if (client.contested || subscriptions.some(({ filter }) => isShared(filter))) return;
  const rows = analysis.deliveriesBySession.of(session.index);
  const received = new Set<number>();
  /** Times of first deliveries, and the newest PUBLISH among the deliveries up to each of them. */
  const times: number[] = [];
  const newest: number[] = [];
  for (const row of rows) {
    const message = deliveries.message(row);
    received.add(message);
    if (deliveries.qos(row) === 0 || deliveries.isRetained(row) || deliveries.isDup(row)) continue;
    if (!isOnce(analysis, message)) continue;
    times.push(deliveries.at(row));
    newest.push(Math.max(newest.at(-1) ?? 0, messages.firstSequence(message)));
  }
  const matching = analysis.matcher(session);
  for (let message = 0; message < messages.count; message++) {
    const expiryMs = messages.expiryMs(message);
    if (expiryMs === null || !isOnce(analysis, message)) continue;
    // The rule `acked-but-lost` judges the messages that do not expire during the run.
    if (!messages.mayHaveExpired(message, settledAt ?? 0)) continue;
    const sent = messages.firstSequence(message);
    const isDue = matching(messages.topic(message)).some(
      ({ ackedSequence, endSequence, granted }) =>
        ackedSequence < sent && endSequence === never && granted > 0 && granted < rejectionCodeMin,
    );
    if (!isDue) continue;
    const place = lastBefore(times, (atMs) => !messages.mayHaveExpired(message, atMs));
    if (place < 0 || (newest[place] ?? 0) <= messages.ackSequence(message)) continue;
    report.checked();
    if (received.has(message)) continue;
    report.addViolation(
      () =>
        `${client.id} never received ${analysis.message(message)}, although a later message arrived at ` +
        `${formatSeconds(times[place] as number)}, before its expiry`,
    );
  }
}

/** @returns the position of the last time for which the condition holds; it holds up to some time only */
function lastBefore(times: readonly number[], holds: (atMs: number) => boolean): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(times[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
