import { acknowledgedQosLevels, counter, gauge, histogram, latencyBuckets, qosLevels } from './define.ts';

const groups = { oneFor: "this member's own group, and one for the shared group" } as const;

/** Metrics of the publisher inside the appliance. */
export const publisherMetrics = {
  active: gauge('publisher_active', {
    unit: 'none',
    help: '1 while this publisher is the active publisher of its group, 0 while it is a standby or connects.',
    values: { group: groups },
  }),
  connected: gauge('publisher_connected', {
    unit: 'none',
    help: '1 while this publisher has a connection for its group.',
    values: { group: groups },
  }),
  sent: counter('publisher_sent_total', {
    unit: 'messages',
    help: 'Messages sent, each counted once however often it was retransmitted.',
    values: { group: groups, qos: qosLevels },
  }),
  acknowledged: counter('publisher_acknowledged_total', {
    unit: 'messages',
    help: 'Messages whose exchange was completed (PUBACK, PUBCOMP).',
    values: { group: groups, qos: acknowledgedQosLevels },
  }),
  failed: counter('publisher_failed_total', {
    unit: 'messages',
    help:
      'Messages that were not delivered at once, by outcome. skipped: not sent, because there was no ' +
      'connection (QoS 0) or there were too many unacknowledged messages. refused: rejected by the server; QoS 1 and 2 ' +
      'are sent again later. unknown: the publisher ended before the acknowledgement.',
    values: { group: groups, qos: qosLevels, outcome: ['skipped', 'refused', 'unknown'] },
  }),
  ackSeconds: histogram('publisher_ack_seconds', latencyBuckets, {
    unit: 'seconds',
    help: 'Time from the publish to the end of the exchange, for every message, failovers included.',
    values: { qos: acknowledgedQosLevels },
  }),
  tenures: counter('publisher_tenures_total', {
    unit: 'events',
    help: 'Times that this publisher tried to become the active publisher of its group.',
    values: { group: groups },
  }),
  failovers: counter('publisher_failovers_total', {
    unit: 'events',
    help: 'Times that the active publisher continued at another member.',
    values: { group: groups },
  }),
} as const;
