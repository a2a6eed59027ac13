import { counter, gauge, histogram, qosLevels } from './define.ts';

/** The promises of P8 (0.3, 1 and 3 s) are among the bounds. */
const gapBuckets = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60] as const;
const endToEndBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

/** The subscribing application. */
export const clientMetrics = {
  connected: gauge('client_connected', { unit: 'none', help: '1 while there is a connection.' }),
  connections: gauge('client_connections', {
    unit: 'connections',
    help: 'Connections now; client_redundancy of them when all is well.',
  }),
  redundancy: gauge('client_redundancy', {
    unit: 'connections',
    help: 'Connections to different members that this application holds by its configuration: 1 or 2.',
  }),
  server: gauge('client_server_info', {
    unit: 'none',
    help: '1 for the members that this application is connected to, 0 for those it was.',
    values: { server: { oneFor: 'each member' } },
  }),
  received: counter('client_received_total', {
    unit: 'messages',
    help: 'Telemetry messages that came, by the QoS of their topic, repeats included.',
    values: { qos: qosLevels },
  }),
  missing: gauge('client_missing_messages', {
    unit: 'messages',
    help: 'Lost: numbers that were skipped and have not come since. QoS 0 may lose; 1 and 2 may not.',
    values: { qos: qosLevels },
  }),
  duplicates: counter('client_duplicates_total', {
    unit: 'messages',
    help: 'Messages that had come before. QoS 1 may repeat; 0 and 2 may not.',
    values: { qos: qosLevels },
  }),
  outOfOrder: counter('client_out_of_order_total', {
    unit: 'messages',
    help: 'Messages that came for the first time, and after a later one of their stream.',
    values: { qos: qosLevels },
  }),
  violations: gauge('client_violations', {
    unit: 'none',
    help: 'How many kinds of broken delivery promises this application sees now.',
  }),
  foreign: counter('client_foreign_total', {
    unit: 'messages',
    help: 'Messages that are no telemetry.',
    purpose: 'debugging',
  }),
  latency: histogram('client_end_to_end_seconds', endToEndBuckets, {
    unit: 'seconds',
    help: 'From publisher to here, each message but repeats, by their wall clocks: as right as the clocks agree.',
    values: { qos: qosLevels },
  }),
  connects: counter('client_connects_total', { unit: 'connections', help: 'Connections made.' }),
  connectFailures: counter('client_connect_failures_total', {
    unit: 'connections',
    help: 'Attempts to connect that failed.',
  }),
  failovers: counter('client_failovers_total', {
    unit: 'events',
    help: 'Connections made to another member than the last.',
  }),
  gap: histogram('client_gap_seconds', gapBuckets, {
    unit: 'seconds',
    help: 'How long a lost connection was away, each time; with redundancy 2 the other one goes on meanwhile.',
  }),
  lastGap: gauge('client_last_gap_seconds', {
    unit: 'seconds',
    help: 'The last of these; 0 before the first.',
  }),
  secondCopiesRemoved: counter('client_second_copies_removed_total', {
    unit: 'messages',
    help: 'Second copies removed (redundancy 2).',
    purpose: 'debugging',
  }),
} as const;
