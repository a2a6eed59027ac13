import { never } from '../tables/clients.ts';
import type { RecordedConnection, RecordedSubscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { groupBy } from '../tables/group-by.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';
import { expectedWill } from '../analysis/will-expectation.ts';
import type { WillExpectation } from '../analysis/will-expectation.ts';

/** Longest time from the publication of a will to its delivery, ms. */
const arrivalMs = 500;
/**
 * Time before and after the end of a connection in which the delays of other clients are considered, ms. If
 * other clients had delays in this time, the end of the connection may have been recorded late, too.
 */
const lookBackMs = 500;

/**
 * After each end of a connection without DISCONNECT, the will is published once and in time. After a
 * DISCONNECT, or if the client reconnects in time, no will is published. A will is missing if a session that
 * had subscribed before the client connected, and kept its subscription, did not receive the will. A delivery
 * to any session proves a publication.
 */
export const will: Rule = {
  name: 'will',
  promise: 'P6',
  clause: 'MQTT-3.1.2-8, MQTT-3.1.2-10, MQTT-3.14.4-3, MQTT5 3.1.3.2.2',
  check: (analysis, report) => {
    const { tables } = analysis;
    const watching = analysis.matches(analysis.activeSubscriptions.filter(({ filter }) => !isShared(filter)));
    const arrivals = arrivalsOf(analysis);
    for (const [message, connections] of tables.wills) {
      const watchers = (watching[tables.messages.topic(message)] ?? []).filter(({ ackedSequence }) =>
        connections.every(({ sequence }) => ackedSequence < sequence),
      );
      const deliveries = arrivals.get(message) ?? [];
      if (watchers.length === 0 && deliveries.length === 0) continue;
      report.checked();
      checkWill(analysis, report, { message, connections, watchers, deliveries });
    }
  },
};

/** A will, the connections whose CONNECT contained it, its subscribers and its deliveries. */
interface WillCase {
  /** Row of the will. */
  readonly message: number;
  readonly connections: readonly RecordedConnection[];
  readonly watchers: readonly RecordedSubscription[];
  /** Rows of the will's deliveries that are not marked as retained. */
  readonly deliveries: readonly number[];
}

/** @returns the rows of the deliveries of each will, without deliveries that are marked as retained */
function arrivalsOf({ tables }: Analysis): Map<number, number[]> {
  const { deliveries, wills } = tables;
  const rows: number[] = [];
  for (let row = 0; row < deliveries.count; row++) {
    if (wills.has(deliveries.message(row)) && !deliveries.isRetained(row)) rows.push(row);
  }
  return groupBy(rows, (row) => deliveries.message(row));
}

function checkWill(analysis: Analysis, report: Report, one: WillCase): void {
  const { message, connections, watchers, deliveries } = one;
  const expectations = connections.map((connection) => expectedWill(analysis, connection));
  const [first] = expectations as [WillExpectation];
  const timesMax = expectations.reduce((sum, expectation) => sum + expectation.timesMax, 0);
  const what = (): string => `${analysis.message(message)} on ${connections.at(-1)?.connect.server}`;
  if (timesMax === 0) {
    const seen = deliveries[0];
    if (seen === undefined) return;
    const at = formatSeconds(analysis.tables.deliveries.at(seen));
    report.addViolation(() => `${what()} was published at ${at}, although ${first.reason}`);
    return;
  }
  if (publishedTwice(analysis, one, timesMax)) {
    report.addViolation(
      () => `${what()} was published more than once: delivered at ${listTimes(analysis, deliveries)}`,
    );
    return;
  }
  const missing = watchers.find((watcher) => isMissing(analysis, watcher, one));
  if (missing && expectations.some(({ timesMin }) => timesMin === 1)) {
    const text = (): string =>
      `${what()} was not delivered to ${missing.session.client.id} by ` +
      `${formatSeconds(first.deadlineMs + first.allowanceMs)}, although ${first.reason} and its client did not reconnect`;
    // The will of a connection that an isolated home has accepted can be lost with the home.
    if (analysis.isIsolatedByLoad(connections[0]?.connect.at ?? 0, first.deadlineMs))
      report.addException(() => `the machine was starved: ${text()}`);
    else report.addViolation(text);
    return;
  }
  if (connections.length === 1) checkTime(analysis, report, one, first, what);
}

function listTimes({ tables }: Analysis, deliveries: readonly number[]): string {
  return deliveries.map((row) => formatSeconds(tables.deliveries.at(row))).join(', ');
}

function isMissing(
  analysis: Analysis,
  watcher: RecordedSubscription,
  { message, deliveries }: WillCase,
): boolean {
  const { tables } = analysis;
  if (Math.min(watcher.granted, tables.messages.qos(message)) === 0) return false;
  return !deliveries.some(
    (row) => analysis.connection(tables.deliveries.connection(row)).session === watcher.session,
  );
}

/**
 * Whether a session received more publications of the will than allowed. A redelivery has DUP=1 or comes on
 * another connection; a client delivers a QoS 2 message only once. A session may receive one copy for each
 * overlapping subscription.
 */
function publishedTwice(analysis: Analysis, { message, deliveries }: WillCase, timesMax: number): boolean {
  const { tables } = analysis;
  const bySession = groupBy(
    deliveries,
    (row) => analysis.connection(tables.deliveries.connection(row)).session,
  );
  for (const [session, rows] of bySession) {
    if (!session || session.client.contested) continue;
    const filters = new Set(
      analysis
        .matcher(session)(tables.messages.topic(message))
        .map(({ filter }) => filter),
    );
    const allowed = timesMax * Math.max(1, filters.size);
    const copies = groupBy(
      rows.filter((row) => !tables.deliveries.isDup(row)),
      (row) => (tables.deliveries.qos(row) === 2 ? -1 : tables.deliveries.connection(row)),
    );
    if ([...copies.values()].some((same) => same.length > allowed)) return true;
  }
  return false;
}

/**
 * Checks the time of the publication. Only a subscriber that was connected to a server without a fault, from
 * the client's death to the delivery, shows the time of the publication. So the latest time is checked only
 * with the deliveries to these subscribers.
 */
function checkTime(
  analysis: Analysis,
  report: Report,
  { connections, deliveries }: WillCase,
  expectation: WillExpectation,
  what: () => string,
): void {
  const { tables, lag } = analysis;
  const [dead] = connections as [RecordedConnection];
  const { deadlineMs, allowanceMs, notBeforeMs, reconnectedMs } = expectation;
  for (const row of deliveries) {
    const atMs = tables.deliveries.at(row);
    const watcher = analysis.connection(tables.deliveries.connection(row));
    const published = (): string => `${what()} was published at ${formatSeconds(atMs)}`;
    // On a busy machine a client records the end of its connection late.
    const lateCloseMs =
      dead.closedAt === never ? 0 : lag.longest(dead.closedAt - lookBackMs, dead.closedAt + lookBackMs);
    if (!report.inTime(notBeforeMs - atMs, lateCloseMs))
      return report.addViolation(
        () => `${published()}, before its earliest time ${formatSeconds(notBeforeMs - lateCloseMs)}`,
      );
    const showsTime =
      dead.closedAt !== never &&
      watcher.connectedAt < dead.closedAt &&
      !tables.deliveries.isDup(row) &&
      tables.faults.disruptionOf(watcher.connect.server, dead.closedAt, atMs) === null;
    if (!showsTime) continue;
    if (!report.inTime(atMs - reconnectedMs - arrivalMs, lag.longest(reconnectedMs, atMs)))
      return analysis.reportLate(
        report,
        reconnectedMs,
        atMs,
        () => `${published()}, although its client had reconnected at ${formatSeconds(reconnectedMs)}`,
      );
    if (!report.inTime(atMs - deadlineMs, allowanceMs))
      return analysis.reportLate(
        report,
        dead.closedAt,
        atMs,
        () => `${published()}, after its deadline ${formatSeconds(deadlineMs + allowanceMs)}`,
      );
  }
}
