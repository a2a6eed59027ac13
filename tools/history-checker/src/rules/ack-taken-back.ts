import { seconds } from '../analysis/analysis.ts';
import type { Rule } from './rule.ts';
import { retainedObservations } from '../analysis/retained-observations.ts';

/**
 * What was acknowledged is there for those who look: a retained message that was set is not followed by an older one for
 * a new subscription (the bound of P5 apart), and a PUBREC is remembered until its PUBREL, which comes on the same connection: it is
 * not answered with 0x92. (After a reconnect 0x92 is no error: the PUBCOMP before may be what was lost.)
 */
export const ackTakenBack: Rule = {
  name: 'ack-taken-back',
  promise: 'P1',
  clause: 'MQTT-3.3.1-5, MQTT-4.3.3-2, MQTT5 3.7.2.1',
  check: (analysis, report) => {
    const { tables } = analysis;
    for (const { message, replacer, connection, atMs } of retainedObservations(analysis)) {
      report.checked();
      if (replacer === null || tables.messages.isClear(replacer)) continue;
      report.violate(
        () =>
          `${connection.connect.server} served ${analysis.message(message)} as retained at ${seconds(atMs)}, ` +
          `after ${analysis.message(replacer)}`,
      );
    }
    report.checked(tables.completedCount);
    for (const { message, connection, at } of tables.unknownPubrels) {
      report.violate(
        () =>
          `${connection.connect.server} no longer knew ${analysis.message(message)} at ${seconds(at)}, ` +
          'when its PUBREL came on the connection of its PUBREC',
      );
    }
  },
};
