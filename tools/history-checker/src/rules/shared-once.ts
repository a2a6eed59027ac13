import { mayHaveDegradedAck } from '../analysis/degraded-acks.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { RecordedSession } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { groupBy } from '../tables/group-by.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * Longest time from the end of a connection for the target to the end for its client, ms: a busy server may
 * count as lost and close its clients later.
 */
const closedLateMs = 5_000;

/**
 * One subscriber of a shared subscription receives a message. Another one, or the same one again, receives it
 * only after the connection of the first delivery has ended. Messages that were sent twice are excluded, and
 * servers with a fault.
 */
export const sharedOnce: Rule = {
  name: 'shared-once',
  promise: 'P2',
  clause: 'MQTT5 4.8.2',
  check: (analysis, report) => {
    const shared = analysis.tables.sessions.sessions.flatMap((session) => {
      const filters = new Set(session.subscriptions.map(({ filter }) => filter));
      const [filter] = filters;
      // A session with several subscriptions may receive a message more than once.
      return filters.size === 1 && filter !== undefined && isShared(filter) ? [{ filter, session }] : [];
    });
    for (const members of groupBy(shared, ({ filter }) => filter).values()) {
      checkGroup(
        analysis,
        report,
        members.map(({ session }) => session),
      );
    }
  },
};

function checkGroup(analysis: Analysis, report: Report, members: readonly RecordedSession[]): void {
  const { deliveries, messages } = analysis.tables;
  const rows = members
    .flatMap(({ index }) => [...analysis.deliveriesBySession.of(index)])
    .sort((one, other) => deliveries.sequence(one) - deliveries.sequence(other));
  const last = new Map<number, number>();
  for (const row of rows) {
    const message = deliveries.message(row);
    if (messages.sendConnectionCount(message) > 1 || messages.isWill(message)) continue;
    // The rule `qos2-duplicate` judges QoS 2.
    if (deliveries.qos(row) === 2 && messages.qos(message) === 2) continue;
    if (deliveries.isRetained(row) || mayHaveDegradedAck(analysis, message)) continue;
    report.checked();
    const former = last.get(message);
    last.set(message, row);
    if (former === undefined || mayHaveMoved(analysis, former, row)) continue;
    const receivers = [former, row].map((each) => {
      const { client, connect } = analysis.connection(deliveries.connection(each));
      return `${client.id} on ${connect.server} at ${formatSeconds(deliveries.at(each))}`;
    });
    report.addViolation(() => `${analysis.message(message)} was delivered to ${receivers.join(' and to ')}`);
  }
}

/** Whether the connection of the earlier delivery may have ended before the later delivery. */
function mayHaveMoved(analysis: Analysis, former: number, row: number): boolean {
  const { deliveries, messages, faults } = analysis.tables;
  const { connect, closedAt } = analysis.connection(deliveries.connection(former));
  const atMs = deliveries.at(row);
  if (messages.qos(deliveries.message(row)) > 0 && closedAt < atMs + closedLateMs) return true;
  return faults.disruptionOf(connect.server, deliveries.at(former), atMs) !== null;
}
