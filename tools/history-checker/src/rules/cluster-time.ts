import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import { mayHaveDegradedAck } from '../analysis/degraded-acks.ts';
import { never } from '../tables/clients.ts';
import type { RecordedConnection, RecordedSubscription, Resumption } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { groupBy } from '../tables/group-by.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

const msPerSecond = 1_000;
/** Longest time by which something that is due happens late, ms (docs/DESIGN.md, "Cluster time"). */
const lateMsMax = 4_000;

/**
 * Cluster time passes while the cluster is quiet, through changes of leader, and while members or all members
 * are stopped. A will with a delay, the end of a session and the expiry of a message happen at most 4 s after
 * they are due, or 4 s after a majority serves again. A Message Expiry Interval is at most 4 s too long. The
 * rule judges times in which members were killed or stopped, and no other fault had an effect. Other rules
 * judge times without a fault, and report what happens too early.
 */
export const clusterTime: Rule = {
  name: 'cluster-time',
  promise: 'P2, P3, P6',
  clause: 'docs/DESIGN.md, "Cluster time"; MQTT5 MQTT-3.1.2-8, 3.1.2.11.2, MQTT-3.3.2-5, MQTT-3.3.2-6',
  parts: ['wills', 'sessions', 'messages'],
  check: (analysis, report) => {
    checkWills(analysis, report);
    for (const resumption of analysis.tables.sessions.resumptions) checkSession(analysis, report, resumption);
    for (let row = 0; row < analysis.tables.deliveries.count; row++) checkMessage(analysis, report, row);
  },
};

/** @returns the latest time for something that is due, if the time counts from `sinceMs` on */
function deadlineOf({ tables }: Analysis, sinceMs: number, dueMs: number): number {
  let deadlineMs = dueMs + lateMsMax;
  for (const { fromMs, toMs } of tables.faults.withoutMajority()) {
    if (fromMs <= deadlineMs && toMs > sinceMs) deadlineMs = Math.max(deadlineMs, toMs + lateMsMax);
  }
  return deadlineMs;
}

/**
 * @returns the delay that a busy machine may add to a deadline, ms. Only the load in the last 4 s before the deadline counts,
 * because members that start together load the machine before that.
 */
function allowanceBefore({ hostLoad }: Analysis, deadlineMs: number): number {
  return hostLoad.longest(deadlineMs - lateMsMax, deadlineMs);
}

/** Whether the client ended the connection, and its home could replicate the end at once. */
function hasKnownEnd({ tables }: Analysis, { connect, closedAt, how }: RecordedConnection): boolean {
  if (how !== 'dropped' && how !== 'disconnect') return false;
  return tables.faults.disruptionOf(connect.server, closedAt, closedAt) === null;
}

function checkWills(analysis: Analysis, report: Report): void {
  const { tables } = analysis;
  const { deliveries, wills, messages } = tables;
  const rows = Array.from({ length: deliveries.count }, (_, row) => row).filter(
    (row) => wills.has(deliveries.message(row)) && !deliveries.isRetained(row),
  );
  const arrivals = groupBy(rows, (row) => deliveries.message(row));
  const watching = analysis.matches(analysis.activeSubscriptions.filter(({ filter }) => !isShared(filter)));
  for (const [message, connections] of wills) {
    const [connection, another] = connections;
    if (connection === undefined || another !== undefined || messages.qos(message) === 0) continue;
    const watchers = (watching[messages.topic(message)] ?? []).filter(
      ({ ackedSequence, granted }) => ackedSequence < connection.closedSequence && granted > 0,
    );
    const times = (arrivals.get(message) ?? []).map((row) => deliveries.at(row));
    checkWill(analysis, report, { message, connection, watchers, firstMs: Math.min(...times) });
  }
}

interface WillCase {
  readonly message: number;
  readonly connection: RecordedConnection;
  readonly watchers: readonly RecordedSubscription[];
  /** Time of the first delivery; Infinity if no client received the will. */
  readonly firstMs: number;
}

function checkWill(
  analysis: Analysis,
  report: Report,
  { message, connection, watchers, firstMs }: WillCase,
): void {
  const { tables } = analysis;
  const { client, closedAt, connect, connectedSequence, how, sequence } = connection;
  const delaySeconds = Math.min(connect.will?.delaySeconds ?? 0, connect.expirySeconds ?? Infinity);
  if (connectedSequence === never || how !== 'dropped' || delaySeconds === 0) return;
  if (!hasKnownEnd(analysis, connection)) return;
  const dueMs = closedAt + delaySeconds * msPerSecond;
  const deadlineMs = deadlineOf(analysis, closedAt, dueMs);
  const allowanceMs = allowanceBefore(analysis, deadlineMs);
  const latestMs = deadlineMs + allowanceMs;
  if (latestMs >= (tables.settledAt ?? -Infinity)) return;
  // A client that connects again cancels the will, or ends its session and thereby the delay.
  if (client.connections.some((other) => other.sequence > sequence && other.connect.at <= latestMs)) return;
  if (!tables.faults.onlyEndedProcesses(closedAt, deadlineMs)) return;
  // Only a client that is connected at the deadline shows that the will was not published before.
  const isWatched = watchers.some(({ session }) =>
    session.connections.some((one) => one.connectedAt <= deadlineMs && one.closedAt > latestMs),
  );
  if (!isWatched) return;
  report.checked(1, 'wills');
  if (report.inTime(firstMs - deadlineMs, allowanceMs)) return;
  const when = firstMs === Infinity ? 'was not published' : `was published at ${formatSeconds(firstMs)}`;
  analysis.reportLate(
    report,
    closedAt,
    deadlineMs,
    () =>
      `${analysis.message(message)} ${when}, after its deadline ${formatSeconds(latestMs)}; ` +
      `it was due at ${formatSeconds(dueMs)}`,
  );
}

/** Checks that a session is not present when its client returns after the expiry. */
function checkSession(analysis: Analysis, report: Report, { connection, former }: Resumption): void {
  const { tables } = analysis;
  const { client, connect, connectedAt, sequence, sessionPresent } = connection;
  if (connect.clean || former === null) return;
  const before = former.connections.filter((one) => one !== connection);
  const last = before.at(-1);
  if (last === undefined || before.some(({ how }) => how === null) || !hasKnownEnd(analysis, last)) return;
  // A CONNECT without an answer may have resumed the session.
  if (client.connections.some((one) => one.sequence > last.sequence && one.sequence < sequence)) return;
  const { expirySeconds } = last.connect;
  if (expirySeconds === null || expirySeconds === 0) return;
  const { closedAt } = last;
  if (!tables.faults.onlyEndedProcesses(closedAt, connect.at)) return;
  const dueMs = closedAt + expirySeconds * msPerSecond;
  const deadlineMs = deadlineOf(analysis, closedAt, dueMs);
  if (connect.at <= deadlineMs + allowanceBefore(analysis, deadlineMs)) return;
  report.checked(1, 'sessions');
  if (!sessionPresent) return;
  report.addViolation(
    () =>
      `${client.id} received CONNACK from ${connect.server} at ${formatSeconds(connectedAt)} with session present, ` +
      `although the session was due to end at ${formatSeconds(dueMs)}`,
  );
}

/** Checks that a message is not delivered after its expiry, and that its interval has been decremented. */
function checkMessage(analysis: Analysis, report: Report, row: number): void {
  const { deliveries, messages, faults } = analysis.tables;
  const message = deliveries.message(row);
  const expiryMs = messages.expiryMs(message);
  // A delivery that began before the expiry may be repeated after it.
  if (expiryMs === null || deliveries.isDup(row)) return;
  if (!messages.isAcked(message) || messages.qos(message) === 0) return;
  // The time of a message that was sent twice, or acknowledged without a majority, begins later.
  if (messages.sendConnectionCount(message) > 1 || mayHaveDegradedAck(analysis, message)) return;
  const sinceMs = messages.ackAt(message);
  const atMs = deliveries.at(row);
  const { client, connect } = analysis.connection(deliveries.connection(row));
  if (!faults.onlyEndedProcesses(sinceMs, atMs) || faults.disruptionOf(connect.server, atMs, atMs)) return;
  const dueMs = sinceMs + expiryMs;
  const deadlineMs = deadlineOf(analysis, sinceMs, dueMs);
  const allowanceMs = analysis.hostLoad.longest(sinceMs, atMs);
  const what = (text: string) => (): string =>
    `${client.id} received ${analysis.message(message)} from ${connect.server} at ${formatSeconds(atMs)} ${text}`;
  report.checked(1, 'messages');
  if (!report.inTime(atMs - deadlineMs, allowanceMs)) {
    analysis.reportLate(
      report,
      sinceMs,
      atMs,
      what(`although it was due to expire at ${formatSeconds(dueMs)}`),
    );
    return;
  }
  const seconds = deliveries.expirySeconds(row);
  if (seconds === null) return;
  // The interval is a whole number of seconds, at least 1.
  const excessMs = (seconds - 1) * msPerSecond - Math.max(dueMs - atMs, 0);
  if (report.inTime(excessMs - lateMsMax, allowanceMs)) return;
  const leftSeconds = ((dueMs - atMs) / msPerSecond).toFixed(1);
  analysis.reportLate(
    report,
    sinceMs,
    atMs,
    what(`with an expiry of ${seconds} s, although ${leftSeconds} s were left`),
  );
}
