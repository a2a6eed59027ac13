import { seconds } from '../analysis/analysis.ts';
import type { Rule } from './rule.ts';
import { retainedObservations } from '../analysis/retained-observations.ts';

/**
 * An acknowledged message stays visible. A new subscription receives no retained message that is older than an
 * acknowledged one (apart from P5's bound). A server that has sent PUBREC still has the packet id when PUBREL comes on
 * the same connection: it does not answer with 0x92. (After a reconnect 0x92 is no error: the earlier PUBCOMP may have
 * been lost.)
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
      report.violate(
        () =>
          `${connection.connect.server} sent ${analysis.message(message)} as retained at ${seconds(atMs)}, ` +
          `after ${analysis.message(replacement)}`,
      );
    }
    report.checked(tables.completedCount);
    for (const { message, connection, at } of tables.unknownPubrels) {
      report.violate(
        () =>
          `${connection.connect.server} had no packet id for ${analysis.message(message)} at ${seconds(at)}, ` +
          'although PUBREL came on the connection of its PUBREC',
      );
    }
  },
};
