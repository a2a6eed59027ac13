import { formatSeconds } from '../analysis/analysis.ts';
import type { Rule } from './rule.ts';
import { retainedObservations } from '../analysis/retained-observations.ts';

/**
 * No server loses a message after its acknowledgement. A new subscription receives no replaced retained
 * message if the newer message was acknowledged longer ago than P5's bound. A server that has sent PUBREC
 * still has the packet id when PUBREL arrives on the same connection, so it does not answer with 0x92. (After
 * a reconnect 0x92 is no error, because the earlier PUBCOMP may have been lost.)
 */
export const ackTakenBack: Rule = {
  name: 'ack-taken-back',
  promise: 'P1',
  clause: 'MQTT-3.3.1-5, MQTT-4.3.3-2, MQTT5 3.7.2.1',
  check: (analysis, report) => {
    const { tables } = analysis;
    for (const { message, replacement, connection, atMs } of retainedObservations(analysis)) {
      report.checked();
      if (replacement === null || tables.messages.isClear(replacement)) continue;
      report.addViolation(
        () =>
          `${connection.connect.server} sent ${analysis.message(message)} as retained at ${formatSeconds(atMs)}, ` +
          `although ${analysis.message(replacement)} had replaced it`,
      );
    }
    report.checked(tables.completedCount);
    for (const { message, connection, at } of tables.rejectedPubrels) {
      report.addViolation(
        () =>
          `${connection.connect.server} answered PUBREL for ${analysis.message(message)} with code 0x92 (packet ` +
          `identifier not found) at ${formatSeconds(at)}, on the connection on which it had sent PUBREC`,
      );
    }
  },
};
