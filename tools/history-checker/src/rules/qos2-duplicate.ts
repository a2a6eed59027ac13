import type { RecordedSession, RecordedSubscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { groupBy } from '../tables/group-by.ts';
import { describeRemoteKill } from '../analysis/remote-losses.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * A session delivers a QoS 2 message once, even if the publisher resends it or the server redelivers it. One
 * more copy is allowed for each overlapping subscription [MQTT-3.3.5-1], and for each further session in
 * which the publisher sent the message. This rule ignores wills, which the rule `will` checks.
 */
export const qos2Duplicate: Rule = {
  name: 'qos2-duplicate',
  promise: 'P2',
  clause: 'MQTT-4.3.3-2',
  check: (analysis, report) => {
    const stamps = new Int32Array(analysis.tables.messages.count);
    for (const session of analysis.tables.sessions.sessions) {
      if (!session.client.contested) checkSession(analysis, report, session, stamps);
    }
    checkGroups(analysis, report);
  },
};

/** Whether the rule counts the delivery as a copy. The rule ignores a copy that is marked as retained. */
function isExact({ tables }: Analysis, delivery: number): boolean {
  const { deliveries, messages } = tables;
  const message = deliveries.message(delivery);
  return (
    deliveries.qos(delivery) === 2 &&
    messages.qos(message) === 2 &&
    !deliveries.isRetained(delivery) &&
    !messages.isWill(message)
  );
}

function checkSession(
  analysis: Analysis,
  report: Report,
  session: RecordedSession,
  stamps: Int32Array,
): void {
  const { deliveries } = analysis.tables;
  const rows = analysis.deliveriesBySession.of(session.index);
  const stamp = session.index + 1;
  const repeated = new Set<number>();
  for (const row of rows) {
    if (!isExact(analysis, row)) continue;
    report.checked();
    const message = deliveries.message(row);
    if (stamps[message] === stamp) repeated.add(message);
    stamps[message] = stamp;
  }
  if (repeated.size === 0) return;
  const matching = analysis.matcher(session);
  const copies = groupBy(
    [...rows].filter((row) => isExact(analysis, row) && repeated.has(deliveries.message(row))),
    (row) => deliveries.message(row),
  );
  for (const [message, deliveredBy] of copies) {
    const filters = new Set(matching(analysis.tables.messages.topic(message)).map(({ filter }) => filter));
    const allowed = Math.max(1, filters.size) * analysis.publisherSessions(message);
    if (deliveredBy.length > allowed) reportFinding(analysis, report, session.client.id, deliveredBy);
  }
}

function reportFinding(
  analysis: Analysis,
  report: Report,
  receiver: string,
  copies: readonly number[],
): void {
  const { deliveries } = analysis.tables;
  const [first, second] = copies as [number, number];
  const where = (row: number): string => {
    const { client, connect } = analysis.connection(deliveries.connection(row));
    return `at ${formatSeconds(deliveries.at(row))} by ${client.id} on ${connect.server}`;
  };
  const message = deliveries.message(first);
  const { server } = analysis.connection(deliveries.connection(second)).connect;
  const text = (): string =>
    `${receiver} received ${analysis.message(message)} ${copies.length} times, ` +
    `the first two ${where(first)} and ${where(second)}`;
  const exception = describeRemoteKill(analysis, message, server);
  if (exception === null) report.addViolation(text);
  else report.addException(() => `${exception}: ${text()}`);
}

/**
 * Checks that only one subscriber of a shared subscription receives a QoS 2 message: the subscriber that was
 * chosen first keeps the message [MQTT5 4.8.2].
 */
function checkGroups(analysis: Analysis, report: Report): void {
  const subscriptions = analysis.tables.sessions.sessions.flatMap((session) =>
    session.subscriptions.filter(({ filter }) => isShared(filter)),
  );
  for (const [filter, subscribers] of groupBy(subscriptions, (one) => one.filter)) {
    const sessions = new Set(subscribers.map(({ session }) => session));
    // A subscriber with another subscription may receive a copy for that one as well.
    const isMixed = [...sessions].some(
      (session) => session.client.contested || session.subscriptions.some((one) => one.filter !== filter),
    );
    if (sessions.size > 1 && !isMixed) checkGroup(analysis, report, filter, sessions, subscribers);
  }
}

function checkGroup(
  analysis: Analysis,
  report: Report,
  filter: string,
  sessions: ReadonlySet<RecordedSession>,
  subscribers: readonly RecordedSubscription[],
): void {
  const { deliveries } = analysis.tables;
  if (subscribers.some(({ granted }) => granted < 2)) return;
  const rows = [...sessions].flatMap(({ index }) => [...analysis.deliveriesBySession.of(index)]);
  const copies = groupBy(
    rows.filter((row) => isExact(analysis, row)),
    (row) => deliveries.message(row),
  );
  for (const [message, deliveredBy] of copies) {
    report.checked();
    const holders = new Set(
      deliveredBy.map((row) => analysis.connection(deliveries.connection(row)).session),
    );
    // Several copies to the same subscriber are reported by `checkSession`.
    if (holders.size > analysis.publisherSessions(message))
      reportFinding(analysis, report, filter, deliveredBy);
  }
}
