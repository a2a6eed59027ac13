import { acknowledgedQosLevels, counter, gauge, histogram, latencyBuckets, qosLevels } from './define.ts';

/** Why a connection never became a client's. */
export const refusalReasons = [
  'too_many_connections',
  'rate_limited',
  'malformed',
  'protocol_version',
  'client_id',
  'not_authorized',
  'client_limit',
  'overloaded',
  'redirected',
  'session_limit',
  'not_serving',
  'isolated',
  'draining',
  'taken_over',
  'timeout',
  'other',
] as const;
export type ConnectionRefusalReason = (typeof refusalReasons)[number];

/** Why a client's connection ended. */
export const disconnectReasons = [
  'client',
  'network',
  'keep_alive',
  'protocol_error',
  'taken_over',
  'not_authorized',
  'quota_exceeded',
  'slow_consumer',
  'isolated',
  'draining',
  'home_lost',
  'snapshot_installed',
  'not_serving',
  'shutdown',
  'other',
] as const;
export type DisconnectReason = (typeof disconnectReasons)[number];

/** What a home counts of its own clients: the sum over all members is the cluster's. */
export const brokerMetrics = {
  clientsConnected: gauge('clients_connected', {
    unit: 'connections',
    help: 'Clients connected to this member.',
  }),
  clientsMax: gauge('clients_max', {
    unit: 'connections',
    help: 'Bound of clients_connected: one more is refused.',
  }),
  connects: counter('connects_total', {
    unit: 'connections',
    help: 'Clients that were let in, by MQTT version.',
    values: { protocol: ['3.1', '3.1.1', '5'] },
  }),
  connectionsRefused: counter('connection_refusals_total', {
    unit: 'connections',
    help:
      'Connections that were refused, by reason; redirected: MQTT 5 clients of a full or overloaded member that were ' +
      'told of a better one.',
    values: { reason: refusalReasons },
  }),
  disconnects: counter('disconnects_total', {
    unit: 'connections',
    help: 'Connections of clients that ended, by reason: client is DISCONNECT, network a socket that closed without.',
    values: { reason: disconnectReasons },
  }),
  takeovers: counter('takeovers_total', {
    unit: 'connections',
    help: 'Connections closed because the client connected again, counted by the member that closed: sum them up.',
  }),
  sessionOpenSeconds: histogram('session_open_seconds', latencyBuckets, {
    unit: 'seconds',
    help: 'From an accepted CONNECT to its CONNACK, each one, by whether the session was there already.',
    values: { session: ['new', 'present'] },
  }),
  bytesReceived: counter('received_bytes_total', {
    unit: 'bytes',
    help: 'Bytes received from clients.',
  }),
  bytesSent: counter('sent_bytes_total', { unit: 'bytes', help: 'Bytes handed to the sockets of clients.' }),
  publishesReceived: counter('publishes_received_total', {
    unit: 'packets',
    help: 'PUBLISH packets received from clients, repeats included, by QoS.',
    values: { qos: qosLevels },
  }),
  publishesSent: counter('publishes_sent_total', {
    unit: 'packets',
    help: 'PUBLISH packets handed to the sockets of clients, repeats included, by the QoS they were sent with.',
    values: { qos: qosLevels },
  }),
  acks: counter('publish_acks_total', {
    unit: 'acks',
    help:
      'PUBACK (QoS 1) and PUBREC (QoS 2) to publishers; majority: on the disks of a majority, ' +
      'degraded: on the disk of this member alone.',
    values: { qos: acknowledgedQosLevels, durability: ['majority', 'degraded'] },
  }),
  publishRefusals: counter('publish_refusals_total', {
    unit: 'packets',
    help: 'Publishes of clients that were refused; quota: a bound of the cluster or of this member was reached.',
    values: { reason: ['quota', 'not_authorized', 'topic'] },
  }),
  deliverySeconds: histogram('delivery_seconds', latencyBuckets, {
    unit: 'seconds',
    help:
      'From the arrival of a QoS 1 or 2 publish at its home to its hand-over to the socket of the first ' +
      'client of the same member: one clock. A sample: at most one message of a batch, 16 at a time, and none ' +
      'that found no client within 10 s.',
  }),
  publishPauses: counter('publish_rate_pauses_total', {
    unit: 'events',
    help: 'Times that a client was not read for a while because it published faster than it may.',
    purpose: 'debugging',
  }),
} as const;
