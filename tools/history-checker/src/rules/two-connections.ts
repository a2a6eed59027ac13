import { never } from '../tables/clients.ts';
import type { RecordedClient, RecordedConnection } from '../tables/clients.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';

/**
 * When two connections have the same client id, the servers close the older connection. After a fault the
 * servers close the older connection as soon as they are connected to each other again.
 */
export const twoConnections: Rule = {
  name: 'two-connections',
  promise: 'P4',
  clause: 'MQTT-3.1.4-2',
  check: (analysis, report) => {
    for (const client of analysis.tables.sessions.clients.values()) checkClient(analysis, report, client);
  },
};

function checkClient(analysis: Analysis, report: Report, { connections }: RecordedClient): void {
  const answered = connections
    .filter(({ connectedSequence }) => connectedSequence !== never)
    .sort((a, b) => a.connectedSequence - b.connectedSequence);
  answered.forEach((older, index) => {
    for (let at = index + 1; at < answered.length; at++) {
      const newer = answered[at] as RecordedConnection;
      if (newer.connectedSequence > older.closedSequence) {
        // The takeover closed the older connection before it answered the newer one.
        if (newer.sequence < older.closedSequence && older.how === 'server') report.checked();
        return;
      }
      report.checked();
      checkPair(analysis, report, older, newer);
    }
  });
}

function checkPair(
  analysis: Analysis,
  report: Report,
  older: RecordedConnection,
  newer: RecordedConnection,
): void {
  const { tables, lag } = analysis;
  const { header, faults, endAt } = tables;
  const untilMs = Math.min(older.closedAt, newer.closedAt, endAt ?? Infinity);
  let sinceMs = newer.connectedAt;
  for (const { connect } of [older, newer, older]) {
    const disruption = faults.disruptionOf(connect.server, sinceMs, untilMs);
    if (disruption) sinceMs = Math.max(sinceMs, disruption.toMs);
  }
  const { takeoverMsMax } = header.limits;
  const overMs = untilMs - sinceMs - takeoverMsMax;
  if (report.inTime(overMs, lag.longest(sinceMs, sinceMs + takeoverMsMax))) return;
  analysis.reportLate(
    report,
    sinceMs,
    untilMs,
    () =>
      `${older.client.id} was still connected to ${older.connect.server} at ${formatSeconds(untilMs)}, ` +
      `after it had connected to ${newer.connect.server} at ${formatSeconds(newer.connectedAt)}`,
  );
}
