import { never } from '../tables/clients.ts';
import type { Connection, Subscription } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import { groupBy } from '../tables/group-by.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Facts } from '../analysis/analysis.ts';
import type { Report, Rule } from '../report.ts';
import { expectedWill } from '../analysis/will-expectation.ts';
import type { WillExpectation } from '../analysis/will-expectation.ts';

/** From the publishing of a will to its arrival. */
const arrivalMs = 500;
/** How far from the end of a connection a lag counts as having been there. */
const lookBackMs = 500;

/**
 * One will per ungraceful death, none after a DISCONNECT or a return in time, none twice, none late. Judged by the sessions that had
 * subscribed before the client connected and stayed; what must not come is judged by everybody.
 */
export const will: Rule = {
  name: 'will',
  promise: 'P6',
  clause: 'MQTT-3.1.2-8, MQTT-3.1.2-10, MQTT-3.14.4-3, MQTT5 3.1.3.2.2',
  judge: (facts, report) => {
    const { book } = facts;
    const watching = facts.matches(facts.standing.filter(({ filter }) => !isShared(filter)));
    const arrivals = arrivalsOf(facts);
    for (const [message, connections] of book.wills) {
      const watchers = (watching[book.messages.topic(message)] ?? []).filter(({ ackedSequence }) =>
        connections.every(({ sequence }) => ackedSequence < sequence),
      );
      const deliveries = arrivals.get(message) ?? [];
      if (watchers.length === 0 && deliveries.length === 0) continue;
      report.checked();
      judgeWill(facts, report, { message, connections, watchers, deliveries });
    }
  },
};

interface Case {
  /** Its row. */
  readonly message: number;
  readonly connections: readonly Connection[];
  readonly watchers: readonly Subscription[];
  /** Rows of its live deliveries. */
  readonly deliveries: readonly number[];
}

/** Live deliveries of wills by message. */
function arrivalsOf({ book }: Facts): Map<number, number[]> {
  const { deliveries, wills } = book;
  const rows: number[] = [];
  for (let row = 0; row < deliveries.count; row++) {
    if (wills.has(deliveries.message(row)) && !deliveries.isRetained(row)) rows.push(row);
  }
  return groupBy(rows, (row) => deliveries.message(row));
}

function judgeWill(facts: Facts, report: Report, one: Case): void {
  const { message, connections, watchers, deliveries } = one;
  const expectations = connections.map((connection) => expectedWill(facts, connection));
  const [first] = expectations as [WillExpectation];
  const timesMax = expectations.reduce((sum, expectation) => sum + expectation.timesMax, 0);
  const what = (): string => `${facts.message(message)}, on ${connections.at(-1)?.connect.server}`;
  if (timesMax === 0) {
    const seen = deliveries[0];
    if (seen === undefined) return;
    const at = seconds(facts.book.deliveries.at(seen));
    report.violate(() => `${what()}, was published at ${at}, though ${first.because}`);
    return;
  }
  if (publishedTwice(facts, one, timesMax)) {
    report.violate(() => `${what()}, was published more than once: ${listTimes(facts, deliveries)}`);
    return;
  }
  const missing = watchers.find((watcher) => isMissing(facts, watcher, one));
  if (missing && expectations.some(({ timesMin }) => timesMin === 1)) {
    // On a starved machine its home may have been without the others when it was opened, and then have died.
    facts.tellLate(
      report,
      connections[0]?.connect.at ?? 0,
      first.deadlineMs,
      () =>
        `${what()}, never came to ${missing.session.client.id}, though ${first.because} and did not return ` +
        `(due ${seconds(first.deadlineMs + first.allowanceMs)})`,
    );
    return;
  }
  if (connections.length === 1) judgeTime(facts, report, one, first, what);
}

function listTimes({ book }: Facts, deliveries: readonly number[]): string {
  return deliveries.map((row) => seconds(book.deliveries.at(row))).join(', ');
}

function isMissing(facts: Facts, watcher: Subscription, { message, deliveries }: Case): boolean {
  const { book } = facts;
  if (Math.min(watcher.granted, book.messages.qos(message)) === 0) return false;
  return !deliveries.some(
    (row) => facts.connection(book.deliveries.connection(row)).session === watcher.session,
  );
}

/** A redelivery carries DUP or comes on another connection, and QoS 2 has none; an overlap may bring copies. */
function publishedTwice(facts: Facts, { message, deliveries }: Case, timesMax: number): boolean {
  const { book } = facts;
  const bySession = groupBy(deliveries, (row) => facts.connection(book.deliveries.connection(row)).session);
  for (const [session, rows] of bySession) {
    if (!session || session.client.contested) continue;
    const filters = new Set(
      facts
        .matcher(session)(book.messages.topic(message))
        .map(({ filter }) => filter),
    );
    const allowed = timesMax * Math.max(1, filters.size);
    const copies = groupBy(
      rows.filter((row) => !book.deliveries.isDup(row)),
      (row) => (book.deliveries.qos(row) === 2 ? -1 : book.deliveries.connection(row)),
    );
    if ([...copies.values()].some((same) => same.length > allowed)) return true;
  }
  return false;
}

/** Only a watcher whose connection and server were well from the death to the will can tell its time. */
function judgeTime(
  facts: Facts,
  report: Report,
  { connections, deliveries }: Case,
  expectation: WillExpectation,
  what: () => string,
): void {
  const { book, lags } = facts;
  const [dead] = connections as [Connection];
  const { deadlineMs, allowanceMs, notBeforeMs, backMs } = expectation;
  for (const row of deliveries) {
    const atMs = book.deliveries.at(row);
    const watcher = facts.connection(book.deliveries.connection(row));
    const came = (): string => `${what()}, was published at ${seconds(atMs)}`;
    // A busy process notes late that it has closed a connection.
    const noted =
      dead.closedAt === never ? 0 : lags.longest(dead.closedAt - lookBackMs, dead.closedAt + lookBackMs);
    if (!report.inTime(notBeforeMs - atMs, noted))
      return report.violate(() => `${came()}, before ${seconds(notBeforeMs - noted)}`);
    const isClear =
      dead.closedAt !== never &&
      watcher.connectedAt < dead.closedAt &&
      !book.deliveries.isDup(row) &&
      book.faults.troubleOf(watcher.connect.server, dead.closedAt, atMs) === null;
    if (!isClear) continue;
    if (!report.inTime(atMs - backMs - arrivalMs, lags.longest(backMs, atMs)))
      return facts.tellLate(
        report,
        backMs,
        atMs,
        () => `${came()}, though its client was back at ${seconds(backMs)}`,
      );
    if (!report.inTime(atMs - deadlineMs, allowanceMs))
      return facts.tellLate(
        report,
        dead.closedAt,
        atMs,
        () => `${came()}, later than ${seconds(deadlineMs + allowanceMs)}`,
      );
  }
}
