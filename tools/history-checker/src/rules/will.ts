import { never } from '../tables/clients.ts';
import type { Connection, Subscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { groupBy } from '../tables/group-by.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';
import { expectedWill } from '../analysis/will-expectation.ts';
import type { WillExpectation } from '../analysis/will-expectation.ts';

/** Bound from the publication of a will to its delivery. */
const arrivalMs = 500;
/** A delay counts as a delay of the client's close within this distance from the end of the connection. */
const lookBackMs = 500;

/**
 * One will after each end of a connection without DISCONNECT, none after a DISCONNECT or a timely return of the client,
 * none twice, none late. Sessions that had subscribed before the client connected and stayed decide whether a will is
 * missing; a delivery to any session shows a will that must not come.
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

interface WillCase {
  /** Row of the will. */
  readonly message: number;
  readonly connections: readonly Connection[];
  readonly watchers: readonly Subscription[];
  /** Rows of its deliveries that are not marked as retained. */
  readonly deliveries: readonly number[];
}

/** @returns the deliveries of wills that are not marked as retained, by message */
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
  const what = (): string => `${analysis.message(message)}, on ${connections.at(-1)?.connect.server}`;
  if (timesMax === 0) {
    const seen = deliveries[0];
    if (seen === undefined) return;
    const at = seconds(analysis.tables.deliveries.at(seen));
    report.violate(() => `${what()}, was published at ${at}, although ${first.because}`);
    return;
  }
  if (publishedTwice(analysis, one, timesMax)) {
    report.violate(() => `${what()}, was published more than once: ${listTimes(analysis, deliveries)}`);
    return;
  }
  const missing = watchers.find((watcher) => isMissing(analysis, watcher, one));
  if (missing && expectations.some(({ timesMin }) => timesMin === 1)) {
    // On a starved machine the home may have been isolated when it accepted the connection, and then have died.
    analysis.reportLate(
      report,
      connections[0]?.connect.at ?? 0,
      first.deadlineMs,
      () =>
        `${what()}, never came to ${missing.session.client.id}, although ${first.because} and did not return ` +
        `(due ${seconds(first.deadlineMs + first.allowanceMs)})`,
    );
    return;
  }
  if (connections.length === 1) checkTime(analysis, report, one, first, what);
}

function listTimes({ tables }: Analysis, deliveries: readonly number[]): string {
  return deliveries.map((row) => seconds(tables.deliveries.at(row))).join(', ');
}

function isMissing(analysis: Analysis, watcher: Subscription, { message, deliveries }: WillCase): boolean {
  const { tables } = analysis;
  if (Math.min(watcher.granted, tables.messages.qos(message)) === 0) return false;
  return !deliveries.some(
    (row) => analysis.connection(tables.deliveries.connection(row)).session === watcher.session,
  );
}

/**
 * A redelivery has DUP=1 or comes on another connection, and QoS 2 has none. Overlapping subscriptions may bring
 * copies.
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
 * Only a subscriber whose connection and server had no fault from the client's death to the will shows the time of the
 * will.
 */
function checkTime(
  analysis: Analysis,
  report: Report,
  { connections, deliveries }: WillCase,
  expectation: WillExpectation,
  what: () => string,
): void {
  const { tables, lag } = analysis;
  const [dead] = connections as [Connection];
  const { deadlineMs, allowanceMs, notBeforeMs, backMs } = expectation;
  for (const row of deliveries) {
    const atMs = tables.deliveries.at(row);
    const watcher = analysis.connection(tables.deliveries.connection(row));
    const came = (): string => `${what()}, was published at ${seconds(atMs)}`;
    // A busy client records the close of a connection late.
    const lateCloseMs =
      dead.closedAt === never ? 0 : lag.longest(dead.closedAt - lookBackMs, dead.closedAt + lookBackMs);
    if (!report.inTime(notBeforeMs - atMs, lateCloseMs))
      return report.violate(() => `${came()}, before ${seconds(notBeforeMs - lateCloseMs)}`);
    const isClear =
      dead.closedAt !== never &&
      watcher.connectedAt < dead.closedAt &&
      !tables.deliveries.isDup(row) &&
      tables.faults.disruptionOf(watcher.connect.server, dead.closedAt, atMs) === null;
    if (!isClear) continue;
    if (!report.inTime(atMs - backMs - arrivalMs, lag.longest(backMs, atMs)))
      return analysis.reportLate(
        report,
        backMs,
        atMs,
        () => `${came()}, although its client had reconnected at ${seconds(backMs)}`,
      );
    if (!report.inTime(atMs - deadlineMs, allowanceMs))
      return analysis.reportLate(
        report,
        dead.closedAt,
        atMs,
        () => `${came()}, later than ${seconds(deadlineMs + allowanceMs)}`,
      );
  }
}
