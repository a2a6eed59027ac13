import type { MetricDefinition } from '@mqtt-cluster/contracts';

const secondsBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 30];

function define(
  type: MetricDefinition['type'],
  name: string,
  help: string,
  labels: readonly string[] = [],
): MetricDefinition {
  const base = { name: `mqtt_cluster_client_${name}`, type, help, labels };
  return type === 'histogram' ? { ...base, buckets: secondsBuckets } : base;
}

/** What the subscribing application says of itself. */
export const clientMetrics = {
  connected: define('gauge', 'connected', '1 while there is a connection.'),
  received: define('counter', 'received_total', 'Telemetry messages that came.', ['qos']),
  missing: define('gauge', 'missing', 'Numbers that were skipped and have not come since.', ['qos']),
  duplicates: define('counter', 'duplicates_total', 'Messages that had come before.', ['qos']),
  outOfOrder: define('counter', 'out_of_order_total', 'Messages that came after a later one.', ['qos']),
  violations: define('gauge', 'violations', 'Kinds of broken delivery promises now.'),
  foreign: define('counter', 'foreign_total', 'Messages that are no telemetry.'),
  latency: define('histogram', 'latency_seconds', 'From publisher to here, by wall clocks.', ['qos']),
  connects: define('counter', 'connects_total', 'Connections made.'),
  failovers: define('counter', 'failovers_total', 'Connections made to another server than the last.'),
  gap: define('histogram', 'failover_gap_seconds', 'Time without a connection, each time it was lost.'),
  duplicatesRemoved: define('gauge', 'second_copies_removed', 'Second copies removed with redundancy 2.'),
} as const;
