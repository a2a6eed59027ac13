import { seconds } from '../analysis/analysis.ts';
import type { Rule } from '../report.ts';
import { retainedSightings } from '../analysis/retained-observations.ts';

/**
 * What was acknowledged is there for those who look: a retained message that was set is not followed by an older one for
 * a new subscription (the bound of P5 apart), and a PUBREC is remembered until its PUBREL, which comes on the same connection: it is
 * not answered with 0x92. (After a reconnect 0x92 is no error: the PUBCOMP before may be what was lost.)
 */
export const ackTakenBack: Rule = {
  name: 'ack-taken-back',
  promise: 'P1',
  clause: 'MQTT-3.3.1-5, MQTT-4.3.3-2, MQTT5 3.7.2.1',
  judge: (facts, report) => {
    const { book } = facts;
    for (const { message, replacer, connection, atMs } of retainedSightings(facts)) {
      report.checked();
      if (replacer === null || book.messages.isClear(replacer)) continue;
      report.violate(
        () =>
          `${connection.connect.server} served ${facts.message(message)} as retained at ${seconds(atMs)}, ` +
          `after ${facts.message(replacer)}`,
      );
    }
    report.checked(book.completedCount);
    for (const { message, connection, at } of book.forgotten) {
      report.violate(
        () =>
          `${connection.connect.server} no longer knew ${facts.message(message)} at ${seconds(at)}, ` +
          'when its PUBREL came on the connection of its PUBREC',
      );
    }
  },
};
