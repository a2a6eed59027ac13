import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import { undisruptedFrom } from '../analysis/undisrupted.ts';
import type { Report } from '../report.ts';
import type { RecordedSession } from '../tables/clients.ts';
import type { Rule } from './rule.ts';

/**
 * Longest time from the acknowledgement of a message, or from the end of the effects of all faults, to its delivery beyond
 * the link, ms. A link that could not connect tries again after at most 12 s.
 */
const acrossLinkMsMax = 15_000;

/**
 * A message that is published on one side of a link is delivered on the other side in time. The rules `acked-but-lost`,
 * `qos2-duplicate` and `order` judge these messages as all others. A QoS 1 message may arrive twice: this rule counts each
 * repetition as an exception.
 */
export const acrossLink: Rule = {
  name: 'across-link',
  promise: 'P2, P7',
  clause: 'docs/DESIGN.md, "Links to other brokers"',
  parts: ['out', 'in'],
  check: (analysis, report) => {
    const stamps = new Int32Array(analysis.tables.messages.count);
    for (const session of analysis.tables.sessions.sessions) checkSession(analysis, report, session, stamps);
  },
};

function checkSession(
  analysis: Analysis,
  report: Report,
  { index, client }: RecordedSession,
  stamps: Int32Array,
): void {
  const { deliveries, messages, header } = analysis.tables;
  const { remotes = [] } = header;
  for (const row of analysis.deliveriesBySession.of(index)) {
    const message = deliveries.message(row);
    const { connect, connectedAt } = analysis.connection(deliveries.connection(row));
    if (!analysis.isAcrossLink(message, connect.server)) continue;
    const isRepeated = stamps[message] === index + 1;
    stamps[message] = index + 1;
    if (isRepeated) {
      if (messages.qos(message) === 2 && deliveries.qos(row) === 2) continue;
      report.addException(() => `${client.id} received ${analysis.message(message)} again`);
      continue;
    }
    if (!messages.isAcked(message)) continue;
    report.checked(1, remotes.includes(connect.server) ? 'out' : 'in');
    const fromMs = Math.max(messages.ackAt(message), connectedAt);
    checkTime(
      analysis,
      report,
      fromMs,
      deliveries.at(row),
      () => `${analysis.message(message)} to ${client.id}`,
    );
  }
}

function checkTime(
  analysis: Analysis,
  report: Report,
  fromMs: number,
  toMs: number,
  what: () => string,
): void {
  const { faults } = analysis.tables;
  if (!analysis.hostLoad.isKnown) return;
  const sinceMs = undisruptedFrom(fromMs, toMs, (from, to) => faults.disruptionAnywhere(from, to));
  if (sinceMs === null) return;
  const tookMs = toMs - sinceMs;
  const allowanceMs = tookMs > acrossLinkMsMax ? analysis.hostLoad.longest(sinceMs, toMs) : 0;
  if (report.inTime(tookMs - acrossLinkMsMax, allowanceMs)) return;
  analysis.reportLate(
    report,
    sinceMs,
    toMs,
    () =>
      `the link passed ${what()} at ${formatSeconds(toMs)}, although no fault was in effect from ${formatSeconds(sinceMs)} on`,
  );
}
