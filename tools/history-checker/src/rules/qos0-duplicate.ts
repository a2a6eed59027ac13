import { formatSeconds } from '../analysis/analysis.ts';
import type { Rule } from './rule.ts';

/**
 * A session receives a QoS 0 message once. One more copy is allowed for each overlapping subscription
 * [MQTT-3.3.5-1]. Contested clients are excluded, because two clients record the deliveries of one session.
 */
export const qos0Duplicate: Rule = {
  name: 'qos0-duplicate',
  promise: 'P2',
  clause: 'MQTT-4.3.1-1',
  check: (analysis, report) => {
    const { deliveries, messages, sessions } = analysis.tables;
    for (const session of sessions.sessions) {
      if (session.client.contested) continue;
      const matching = analysis.matcher(session);
      const copies = new Map<number, number>();
      for (const row of analysis.deliveriesBySession.of(session.index)) {
        const message = deliveries.message(row);
        if (messages.qos(message) !== 0 || messages.isWill(message) || messages.isRetained(message)) continue;
        report.checked();
        const count = (copies.get(message) ?? 0) + 1;
        copies.set(message, count);
        if (count <= Math.max(1, matching(messages.topic(message)).length)) continue;
        report.addViolation(
          () =>
            `${session.client.id} received ${analysis.message(message)} ${count} times, ` +
            `the last time at ${formatSeconds(deliveries.at(row))}`,
        );
      }
    }
  },
};
