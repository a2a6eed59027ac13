import { never } from '../tables/clients.ts';
import type { Client, Connection } from '../tables/clients.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Facts } from '../analysis/analysis.ts';
import type { Report, Rule } from '../report.ts';

/** Of two connections of one client id the older is closed, at the latest when the servers are together again. */
export const twoConnections: Rule = {
  name: 'two-connections',
  promise: 'P4',
  clause: 'MQTT-3.1.4-2',
  judge: (facts, report) => {
    for (const client of facts.book.sessions.clients.values()) checkClient(facts, report, client);
  },
};

function checkClient(facts: Facts, report: Report, { connections }: Client): void {
  const answered = connections
    .filter(({ connectedSequence }) => connectedSequence !== never)
    .sort((a, b) => a.connectedSequence - b.connectedSequence);
  answered.forEach((older, index) => {
    for (let at = index + 1; at < answered.length; at++) {
      const newer = answered[at] as Connection;
      if (newer.connectedSequence > older.closedSequence) return;
      report.checked();
      checkPair(facts, report, older, newer);
    }
  });
}

function checkPair(facts: Facts, report: Report, older: Connection, newer: Connection): void {
  const { book, lags } = facts;
  const { header, faults, endAt } = book;
  const untilMs = Math.min(older.closedAt, newer.closedAt, endAt ?? Infinity);
  let sinceMs = newer.connectedAt;
  for (const { connect } of [older, newer, older]) {
    const trouble = faults.troubleOf(connect.server, sinceMs, untilMs);
    if (trouble) sinceMs = Math.max(sinceMs, trouble.toMs);
  }
  const { takeoverMsMax } = header.limits;
  const overMs = untilMs - sinceMs - takeoverMsMax;
  if (report.inTime(overMs, lags.longest(sinceMs, sinceMs + takeoverMsMax))) return;
  facts.tellLate(
    report,
    sinceMs,
    untilMs,
    () =>
      `${older.client.id} was still connected to ${older.connect.server} at ${seconds(untilMs)}, ` +
      `after it had connected to ${newer.connect.server} at ${seconds(newer.connectedAt)}`,
  );
}
