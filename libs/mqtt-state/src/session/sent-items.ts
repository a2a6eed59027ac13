import { conformanceSemantics } from '@mqtt-cluster/contracts';
import type { SessionProgress } from '@mqtt-cluster/contracts';
import type { ApplyContext } from '../state-data.ts';
import type { Session } from './session.ts';

/**
 * Applies the report of a home about the items that it has sent. A report about the last ended connection is
 * accepted as well, because its home can report only after it has applied the end of the connection.
 */
export function applySentReport(
  { data, semantics }: ApplyContext,
  { client, epoch, sentBelow }: SessionProgress,
): void {
  if (sentBelow === undefined || semantics < conformanceSemantics) return;
  const session = data.sessions.get(client);
  if (!session) return;
  const { report } = session;
  if (session.home && session.epoch === epoch) report.final = sentBelow;
  else if (report.missingEpoch === epoch) {
    session.sentBelow = Math.max(report.before, Math.min(sentBelow, session.sentBelow));
    report.missingEpoch = 0;
  }
}

/** Updates `sentBelow` of a session at the end of its connection. */
export function endSending({ semantics }: ApplyContext, session: Session): void {
  const { report, items, sentBelow } = session;
  if (semantics < conformanceSemantics) {
    session.sentBelow = items.nextNumber;
    return;
  }
  const { final } = report;
  session.sentBelow = final === 0 ? items.nextNumber : Math.max(sentBelow, Math.min(final, items.nextNumber));
  report.missingEpoch = final === 0 ? session.epoch : 0;
  report.before = final === 0 ? sentBelow : 0;
  report.final = 0;
}
