import type { MetricDefinition } from '@mqtt-cluster/contracts';

function counter(name: string, help: string): MetricDefinition {
  return { name, help, type: 'counter', labels: [] };
}

/** What the broker itself counts; the member has its own. */
export const brokerMetrics = {
  clientsConnected: {
    name: 'mqtt_cluster_broker_clients_connected',
    type: 'gauge',
    help: 'Clients with a connection to this member.',
    labels: [],
  },
  connectionsAccepted: counter('mqtt_cluster_broker_connections_accepted_total', 'Clients that were let in.'),
  connectionsRefused: counter(
    'mqtt_cluster_broker_connections_refused_total',
    'Connections that were refused.',
  ),
  bytesReceived: counter('mqtt_cluster_broker_received_bytes_total', 'Bytes received from clients.'),
  bytesSent: counter(
    'mqtt_cluster_broker_sent_bytes_total',
    'Bytes handed to sockets of clients that are gone or still here.',
  ),
  messagesReceived: counter(
    'mqtt_cluster_broker_messages_received_total',
    'PUBLISH packets received from clients.',
  ),
  messagesSent: counter('mqtt_cluster_broker_messages_sent_total', 'PUBLISH packets sent to clients.'),
  deliveriesTooLarge: counter(
    'mqtt_cluster_broker_deliveries_too_large_total',
    'Deliveries left out because they exceed the Maximum Packet Size of their client.',
  ),
  protocolErrors: counter(
    'mqtt_cluster_broker_protocol_errors_total',
    'Connections ended because the client broke the protocol.',
  ),
  slowConsumers: counter(
    'mqtt_cluster_broker_slow_consumers_total',
    'Connections cut because the outgoing buffer stayed full for too long.',
  ),
} as const satisfies Record<string, MetricDefinition>;
