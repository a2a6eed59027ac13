import { never } from '../tables/clients.ts';
import type { Client, Connection, Session, Subscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/** P8: clients of a host that went silent wait for 3 s at most; those of other hosts no longer. */
const servedMsMaxDefault = 3_000;

/** Whoever takes longer to try again did not want to. */
const pauseMsMax = 1_000;
/** Of the times in a history. */
const resolutionMs = 1;

/**
 * Where no fault is felt, which is so 10 s after the last one at the latest (P7), everybody is served: CONNECT,
 * SUBSCRIBE and PUBLISH are answered, and what was acknowledged is delivered to those who are connected. The one rule
 * that finds a cluster that keeps all its promises by doing nothing.
 */
export const served: Rule = {
  name: 'served',
  promise: 'P7, P8',
  clause: 'design, 1: the majority side keeps serving; who was apart is served 10 s after the heal',
  check: (analysis, report) => {
    if (!analysis.hostLoad.isKnown) return;
    const { sessions, messages } = analysis.tables;
    for (const connection of sessions.connections) checkConnect(analysis, report, connection);
    for (const client of sessions.clients.values()) checkRefusals(analysis, report, client);
    for (const { subscriptions } of sessions.sessions)
      for (const subscription of subscriptions) checkSubscribe(analysis, report, subscription);
    for (let message = 0; message < messages.count; message++) checkPublish(analysis, report, message);
    const stamps = new Int32Array(messages.count);
    for (const session of sessions.sessions) checkDeliveries(analysis, report, session, stamps);
  },
};

/** One that waited, and how long it did; without an answer until its connection ended. */
interface Wait {
  readonly server: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly what: () => string;
}

function checkWait(analysis: Analysis, report: Report, { server, fromMs, toMs, what }: Wait): void {
  const { tables, hostLoad } = analysis;
  const boundMs = tables.header.limits.servedMsMax ?? servedMsMaxDefault;
  // What was asked while a fault was felt is answered when it is no longer felt.
  let sinceMs = fromMs;
  for (;;) {
    if (!(toMs >= sinceMs)) return;
    const disruption = tables.faults.disruptionOf(server, sinceMs, toMs);
    if (disruption === null) break;
    sinceMs = disruption.toMs + resolutionMs;
  }
  report.checked();
  const tookMs = toMs - sinceMs;
  // What was in time needs no allowance, and most were.
  const allowanceMs = tookMs > boundMs ? hostLoad.longest(sinceMs, toMs) : 0;
  if (report.inTime(tookMs - boundMs, allowanceMs)) return;
  const felt = sinceMs === fromMs ? 'felt no fault' : `felt no fault from ${seconds(sinceMs)} on`;
  const waited = (): string =>
    `${what()} waited from ${seconds(fromMs)} to ${seconds(toMs)} on ${server}, which ${felt}`;
  analysis.reportLate(report, sinceMs, toMs, waited);
}

/** When a connection was over, or the history. */
function overAt({ tables }: Analysis, { closedAt }: Connection): number {
  return Math.min(closedAt, tables.endAt ?? Infinity);
}

function checkConnect(analysis: Analysis, report: Report, connection: Connection): void {
  const { client, connect, connectedAt } = connection;
  checkWait(analysis, report, {
    server: connect.server,
    fromMs: connect.at,
    toMs: Math.min(connectedAt, overAt(analysis, connection)),
    what: () => `the CONNECT of ${client.id}`,
  });
}

/**
 * Who was refused may be sent elsewhere, but not from one to the next without end: from the first refusal to a CONNACK it
 * waits as long as for an answer. Of two that race for an id one is always refused.
 */
function checkRefusals(analysis: Analysis, report: Report, { contested, connections, id }: Client): void {
  if (contested) return;
  let first: Connection | null = null;
  for (const [place, one] of connections.entries()) {
    const isRefused = one.connectedAt === never && one.how === 'server';
    if (isRefused) first ??= one;
    const next = connections[place + 1];
    const goesOn = next !== undefined && next.connect.at - one.closedAt < pauseMsMax;
    if (first === null || (isRefused && goesOn)) continue;
    const { connect } = first;
    const toMs = isRefused ? one.closedAt : Math.min(one.connectedAt, overAt(analysis, one));
    checkWait(analysis, report, {
      server: connect.server,
      fromMs: connect.at,
      toMs,
      what: () => `${id}, which was refused,`,
    });
    first = null;
  }
}

function checkSubscribe(
  analysis: Analysis,
  report: Report,
  { connection, at, ackedAt, filter }: Subscription,
): void {
  checkWait(analysis, report, {
    server: connection.connect.server,
    fromMs: at,
    toMs: Math.min(ackedAt, overAt(analysis, connection)),
    what: () => `the SUBSCRIBE of ${connection.client.id} to ${filter}`,
  });
}

/** Of a message that was sent again elsewhere nobody knows which sending was answered. */
function checkPublish(analysis: Analysis, report: Report, message: number): void {
  const { messages } = analysis.tables;
  if (messages.qos(message) === 0 || messages.isWill(message) || messages.sendConnectionCount(message) > 1)
    return;
  if (messages.wasRefused(message)) return;
  const connection = analysis.connection(messages.firstConnection(message));
  checkWait(analysis, report, {
    server: connection.connect.server,
    fromMs: messages.firstAt(message),
    toMs: messages.isAcked(message) ? messages.ackAt(message) : overAt(analysis, connection),
    what: () => analysis.message(message),
  });
}

/** The first copy of each; a group's messages change hands, and of two clients with one id each has its own half. */
function checkDeliveries(analysis: Analysis, report: Report, session: Session, stamps: Int32Array): void {
  const { client, subscriptions, index } = session;
  if (client.contested || subscriptions.some(({ filter }) => isShared(filter))) return;
  const { deliveries, messages } = analysis.tables;
  for (const row of analysis.deliveriesBySession.of(index)) {
    const message = deliveries.message(row);
    if (stamps[message] === index + 1 || deliveries.isRetained(row)) continue;
    stamps[message] = index + 1;
    if (messages.isWill(message) || !messages.isAcked(message) || deliveries.qos(row) === 0) continue;
    const { connect, connectedAt } = analysis.connection(deliveries.connection(row));
    checkWait(analysis, report, {
      server: connect.server,
      fromMs: Math.max(passedOnAt(analysis, message), connectedAt),
      toMs: deliveries.at(row),
      what: () => `${analysis.message(message)}, which came to ${client.id},`,
    });
  }
}

/** From when on the cluster had it: an ack that was given apart from the others is passed on after the heal. */
function passedOnAt(analysis: Analysis, message: number): number {
  const { messages, faults } = analysis.tables;
  const ackAt = messages.ackAt(message);
  const { server } = analysis.connection(messages.ackConnection(message)).connect;
  return Math.max(ackAt, faults.disruptionOf(server, messages.firstAt(message), ackAt)?.toMs ?? 0);
}
