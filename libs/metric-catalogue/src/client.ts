import { counter, gauge, histogram, qosLevels } from './define.ts';

/** Upper bounds in seconds. They include the limits of promise P8: 0.3, 1 and 3 s (docs/DESIGN.md, "Promises"). */
const gapBuckets = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60] as const;
const endToEndBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

/** Metrics of the subscribing application. */
export const clientMetrics = {
  connected: gauge('client_connected', { unit: 'none', help: '1 while the application has a connection.' }),
  connections: gauge('client_connections', {
    unit: 'connections',
    help: 'Current connections. Without a failure the number equals client_redundancy.',
  }),
  redundancy: gauge('client_redundancy', {
    unit: 'connections',
    help: 'Configured number of connections to different members: 1 or 2.',
  }),
  server: gauge('client_server_info', {
    unit: 'none',
    help:
      '1 for each member that the application is connected to, 0 for each member that it was connected ' +
      'to before.',
    values: { server: { oneFor: 'each member' } },
  }),
  received: counter('client_received_total', {
    unit: 'messages',
    help: 'Telemetry messages received, redelivered ones included, by the QoS of their topic.',
    values: { qos: qosLevels },
  }),
  missing: gauge('client_missing_messages', {
    unit: 'messages',
    help:
      'Lost messages: skipped numbers that have not arrived since. QoS 0 may lose messages; QoS 1 and 2 ' +
      'may not.',
    values: { qos: qosLevels },
  }),
  duplicates: counter('client_duplicates_total', {
    unit: 'messages',
    help: 'Messages that had already been received. QoS 1 may be redelivered; QoS 0 and 2 may not.',
    values: { qos: qosLevels },
  }),
  outOfOrder: counter('client_out_of_order_total', {
    unit: 'messages',
    help: 'Messages that arrived for the first time after a later message of the same stream.',
    values: { qos: qosLevels },
  }),
  violations: gauge('client_violations', {
    unit: 'none',
    help: 'Number of kinds of broken delivery promises that the application currently observes.',
  }),
  foreign: counter('client_foreign_total', {
    unit: 'messages',
    help: 'Messages received that are not telemetry.',
    purpose: 'debugging',
  }),
  latency: histogram('client_end_to_end_seconds', endToEndBuckets, {
    unit: 'seconds',
    help:
      'Time from the publisher to the application by their wall clocks, for every message except ' +
      'duplicates. The value is as accurate as the clocks are synchronised.',
    values: { qos: qosLevels },
  }),
  connects: counter('client_connects_total', {
    unit: 'connections',
    help: 'Connections that the application made.',
  }),
  connectFailures: counter('client_connect_failures_total', {
    unit: 'connections',
    help: 'Failed connection attempts.',
  }),
  failovers: counter('client_failovers_total', {
    unit: 'events',
    help: 'Connections made to a different member than the previous one.',
  }),
  gap: histogram('client_gap_seconds', gapBuckets, {
    unit: 'seconds',
    help:
      'Time from the loss of a connection until the connection was restored, for every loss. With ' +
      'redundancy 2 the other connection continues meanwhile.',
  }),
  lastGap: gauge('client_last_gap_seconds', {
    unit: 'seconds',
    help: 'Duration of the last gap in client_gap_seconds; 0 before the first gap.',
  }),
  secondCopiesRemoved: counter('client_second_copies_removed_total', {
    unit: 'messages',
    help: 'Second copies removed because both connections delivered the message (redundancy 2).',
    purpose: 'debugging',
  }),
} as const;
