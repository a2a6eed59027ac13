import { acknowledgedQosLevels, counter, gauge, histogram, latencyBuckets, qosLevels } from './define.ts';

const groups = { oneFor: "this member's own group, and one for the shared group" } as const;

/** The publisher inside the appliance. */
export const publisherMetrics = {
  active: gauge('publisher_active', {
    unit: 'none',
    help: '1 while this publisher is the one that publishes for the group, 0 while it stands by or connects.',
    values: { group: groups },
  }),
  connected: gauge('publisher_connected', {
    unit: 'none',
    help: '1 while its part in the group has a connection.',
    values: { group: groups },
  }),
  sent: counter('publisher_sent_total', {
    unit: 'messages',
    help: 'Messages sent, each once however often it was sent again.',
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
      'skipped: not sent, because of no connection (QoS 0) or too many unacknowledged; refused: by the server, sent ' +
      'again later if not QoS 0; unknown: ended before the ack.',
    values: { group: groups, qos: qosLevels, outcome: ['skipped', 'refused', 'unknown'] },
  }),
  ackSeconds: histogram('publisher_ack_seconds', latencyBuckets, {
    unit: 'seconds',
    help: 'From publish to the end of the exchange, each message, failover included.',
    values: { qos: acknowledgedQosLevels },
  }),
  tenures: counter('publisher_tenures_total', {
    unit: 'events',
    help: 'How often this publisher set out to be the active one.',
    values: { group: groups },
  }),
  failovers: counter('publisher_failovers_total', {
    unit: 'events',
    help: 'How often it went on at another member while it was active.',
    values: { group: groups },
  }),
} as const;
