import { formatSeconds } from '../analysis/analysis.ts';
import type { Rule } from './rule.ts';

/** A client never has more unacknowledged QoS 1 and 2 messages than its Receive Maximum allows. */
export const receiveMaximum: Rule = {
  name: 'receive-maximum',
  promise: 'P2',
  clause: 'MQTT5 MQTT-3.3.4-9',
  check: (analysis, report) => {
    const { deliveries } = analysis.tables;
    for (let row = 0; row < deliveries.count; row++) {
      const { client, connect } = analysis.connection(deliveries.connection(row));
      const unacknowledged = deliveries.unacknowledged(row);
      if (connect.receiveMaximum === undefined || unacknowledged === 0) continue;
      report.checked();
      if (unacknowledged <= connect.receiveMaximum) continue;
      report.addViolation(
        () =>
          `${client.id} had ${unacknowledged} unacknowledged messages of ${connect.server} at ` +
          `${formatSeconds(deliveries.at(row))}, its Receive Maximum is ${connect.receiveMaximum}`,
      );
    }
  },
};
