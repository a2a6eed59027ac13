import { never } from '../tables/clients.ts';
import type {
  RecordedClient,
  RecordedConnection,
  RecordedSession,
  RecordedSubscription,
} from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import { undisruptedFrom } from '../analysis/undisrupted.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * Longest time that a request waits for its answer, ms. P8 promises this bound to clients of a server that
 * no longer answers; the rule applies the same bound to the clients of all other servers.
 */
const servedMsMaxDefault = 3_000;

/**
 * Longest pause between a rejection and the next CONNECT of a client that reconnects at once, ms. A client
 * with a longer pause follows its plan, so the rule does not measure its time without a connection.
 */
const pauseMsMax = 1_000;

/**
 * Servers that no fault affects serve all clients in time: they answer CONNECT, SUBSCRIBE and PUBLISH, and
 * they deliver acknowledged messages to connected subscribers. The effects of a fault end 10 s after the
 * fault at the latest (P7). A cluster that serves no client keeps all other promises; only this rule reports
 * such a cluster.
 */
export const served: Rule = {
  name: 'served',
  promise: 'P7, P8',
  clause:
    'docs/DESIGN.md, "Promises", P7 and P8: the majority keeps serving; isolated members serve 10 s after the heal',
  check: (analysis, report) => {
    if (!analysis.hostLoad.isKnown) return;
    const { sessions, messages } = analysis.tables;
    for (const connection of sessions.connections) checkConnect(analysis, report, connection);
    for (const client of sessions.clients.values()) checkRejections(analysis, report, client);
    for (const { subscriptions } of sessions.sessions)
      for (const subscription of subscriptions) checkSubscribe(analysis, report, subscription);
    for (let message = 0; message < messages.count; message++) checkPublish(analysis, report, message);
    const stamps = new Int32Array(messages.count);
    for (const session of sessions.sessions) checkDeliveries(analysis, report, session, stamps);
  },
};

/** The wait of a request for its answer. Without an answer the wait ends with the connection. */
interface Wait {
  readonly server: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Returns the name of the request, for a finding. */
  readonly what: () => string;
}

function checkWait(analysis: Analysis, report: Report, { server, fromMs, toMs, what }: Wait): void {
  const { tables, hostLoad } = analysis;
  const boundMs = tables.header.limits.servedMsMax ?? servedMsMaxDefault;
  // A request during a fault must be answered within the bound after the effects of the fault have ended.
  const sinceMs = undisruptedFrom(fromMs, toMs, (from, to) => tables.faults.disruptionOf(server, from, to));
  if (sinceMs === null) return;
  report.checked();
  const tookMs = toMs - sinceMs;
  // The allowance is computed only for late requests, because most requests are in time.
  const allowanceMs = tookMs > boundMs ? hostLoad.longest(sinceMs, toMs) : 0;
  if (report.inTime(tookMs - boundMs, allowanceMs)) return;
  const condition = sinceMs === fromMs ? 'had no fault' : `had no fault from ${formatSeconds(sinceMs)} on`;
  const waited = (): string =>
    `${what()} waited from ${formatSeconds(fromMs)} to ${formatSeconds(toMs)} on ${server}, which ${condition}`;
  analysis.reportLate(report, sinceMs, toMs, waited);
}

/** @returns the time at which the connection or the history ended, ms */
function endOf({ tables }: Analysis, { closedAt }: RecordedConnection): number {
  return Math.min(closedAt, tables.endAt ?? Infinity);
}

function checkConnect(analysis: Analysis, report: Report, connection: RecordedConnection): void {
  const { client, connect, connectedAt } = connection;
  checkWait(analysis, report, {
    server: connect.server,
    fromMs: connect.at,
    toMs: Math.min(connectedAt, endOf(analysis, connection)),
    what: () => `the CONNECT of ${client.id}`,
  });
}

/**
 * Checks that a rejected client is accepted in time. A server may redirect a client. The time from the first
 * rejection to the CONNACK has the bound of every other request (`servedMsMax`). Contested clients are excluded:
 * when two clients use the same id, one of them is always rejected.
 */
function checkRejections(
  analysis: Analysis,
  report: Report,
  { contested, connections, id }: RecordedClient,
): void {
  if (contested) return;
  let first: RecordedConnection | null = null;
  for (const [place, one] of connections.entries()) {
    const isRejected = one.connectedAt === never && one.how === 'server';
    if (isRejected) first ??= one;
    const next = connections[place + 1];
    const retriesAtOnce = next !== undefined && next.connect.at - one.closedAt < pauseMsMax;
    if (first === null || (isRejected && retriesAtOnce)) continue;
    const { connect } = first;
    const toMs = isRejected ? one.closedAt : Math.min(one.connectedAt, endOf(analysis, one));
    checkWait(analysis, report, {
      server: connect.server,
      fromMs: connect.at,
      toMs,
      what: () => `${id} was rejected and`,
    });
    first = null;
  }
}

function checkSubscribe(
  analysis: Analysis,
  report: Report,
  { connection, at, ackedAt, filter }: RecordedSubscription,
): void {
  checkWait(analysis, report, {
    server: connection.connect.server,
    fromMs: at,
    toMs: Math.min(ackedAt, endOf(analysis, connection)),
    what: () => `the SUBSCRIBE of ${connection.client.id} to ${filter}`,
  });
}

/**
 * Checks the answer to a PUBLISH. Messages that were resent on another connection are excluded, because the
 * history does not show which PUBLISH was acknowledged.
 */
function checkPublish(analysis: Analysis, report: Report, message: number): void {
  const { messages } = analysis.tables;
  if (messages.qos(message) === 0 || messages.isWill(message) || messages.sendConnectionCount(message) > 1)
    return;
  if (messages.wasRejected(message)) return;
  const connection = analysis.connection(messages.firstConnection(message));
  checkWait(analysis, report, {
    server: connection.connect.server,
    fromMs: messages.firstAt(message),
    toMs: messages.isAcked(message) ? messages.ackAt(message) : endOf(analysis, connection),
    what: () => analysis.message(message),
  });
}

/**
 * Checks that the first copy of each message is delivered in time. Sessions with shared subscriptions are
 * excluded, because a message may go to another subscriber. Contested clients are excluded, because each
 * receives only a part of a QoS 2 exchange.
 */
function checkDeliveries(
  analysis: Analysis,
  report: Report,
  session: RecordedSession,
  stamps: Int32Array,
): void {
  const { client, subscriptions, index } = session;
  if (client.contested || subscriptions.some(({ filter }) => isShared(filter))) return;
  const { deliveries, messages } = analysis.tables;
  for (const row of analysis.deliveriesBySession.of(index)) {
    const message = deliveries.message(row);
    if (stamps[message] === index + 1 || deliveries.isRetained(row)) continue;
    stamps[message] = index + 1;
    if (messages.isWill(message) || !messages.isAcked(message) || deliveries.qos(row) === 0) continue;
    const { connect, connectedAt } = analysis.connection(deliveries.connection(row));
    // The messages of a client that acknowledges late wait for its window.
    if (connect.receiveMaximum !== undefined) continue;
    // The rule `across-link` checks the messages that pass a link.
    if (analysis.isAcrossLink(message, connect.server)) continue;
    checkWait(analysis, report, {
      server: connect.server,
      fromMs: Math.max(replicatedAt(analysis, message), connectedAt),
      toMs: deliveries.at(row),
      what: () => `${analysis.message(message)}, which was delivered to ${client.id},`,
    });
  }
}

/**
 * @returns the time by which the message was replicated, ms: the acknowledgement, or the end of the fault if
 * the server may have sent a degraded acknowledgement
 */
function replicatedAt(analysis: Analysis, message: number): number {
  const { messages, faults } = analysis.tables;
  const ackAt = messages.ackAt(message);
  const { server } = analysis.connection(messages.ackConnection(message)).connect;
  return Math.max(ackAt, faults.disruptionOf(server, messages.firstAt(message), ackAt)?.toMs ?? 0);
}
