import { acknowledgedQosLevels, counter, gauge, histogram, latencyBuckets, qosLevels } from './define.ts';

/** Reasons for which a member rejects a connection. */
export const connectionRefusalReasons = [
  'too_many_connections',
  'rate_limited',
  'address_limit',
  'user_limit',
  'memory',
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
  'proxy_header',
  'tls_handshake',
  'websocket_upgrade',
  'other',
] as const;
export type ConnectionRefusalReason = (typeof connectionRefusalReasons)[number];

/** Reasons for which the connection of a client ended. */
export const disconnectReasons = [
  'client',
  'network',
  'keep_alive',
  'protocol_error',
  'taken_over',
  'not_authorized',
  'quota_exceeded',
  'slow_consumer',
  'evicted',
  'administrative',
  'isolated',
  'draining',
  'home_lost',
  'snapshot_installed',
  'not_serving',
  'shutdown',
  'other',
] as const;
export type DisconnectReason = (typeof disconnectReasons)[number];

/**
 * Limits of connections and clients, and bounds of the cluster or the member at which a command of a client is rejected.
 */
export const clientLimits = [
  'connect_rate',
  'unauthenticated_connections',
  'sockets',
  'clients',
  'address_connections',
  'user_connections',
  'unauthenticated_bytes',
  'unfinished_bytes',
  'held_bytes',
  'outgoing_bytes',
  'publish_rate',
  'publish_byte_rate',
  'flapping',
  'memory',
  'subscriptions',
  'sessions',
  'stored_messages',
] as const;
export type ClientLimit = (typeof clientLimits)[number];

/** Kinds of bytes that the connections of a member hold. */
export const clientBuffers = ['unauthenticated', 'unfinished', 'held', 'outgoing', 'unanswered'] as const;

/** Metrics that a home reports about its own clients. The sum over all members is the value of the cluster. */
export const brokerMetrics = {
  clientsConnected: gauge('clients_connected', {
    unit: 'connections',
    help: 'Clients connected to this member.',
  }),
  clientsMax: gauge('clients_max', {
    unit: 'connections',
    help: 'Bound of clients_connected. The member rejects clients beyond it.',
  }),
  connects: counter('connects_total', {
    unit: 'connections',
    help: 'Accepted client connections, by MQTT version.',
    values: { protocol: ['3.1', '3.1.1', '5'] },
  }),
  connectionsRefused: counter('connection_refusals_total', {
    unit: 'connections',
    help:
      'Rejected connections, by reason. redirected: MQTT 5 clients of a full or overloaded member that ' +
      'were redirected to another member. proxy_header, tls_handshake, websocket_upgrade: connections that ' +
      'failed before their first MQTT packet.',
    values: { reason: connectionRefusalReasons },
  }),
  disconnects: counter('disconnects_total', {
    unit: 'connections',
    help:
      'Client connections that ended, by reason. client: the client sent DISCONNECT. network: the ' +
      'socket closed without a DISCONNECT.',
    values: { reason: disconnectReasons },
  }),
  takeovers: counter('takeovers_total', {
    unit: 'connections',
    help:
      'Connections closed because the client connected again. The member that closed the connection ' +
      'counts it: sum over the members.',
  }),
  sessionOpenSeconds: histogram('session_open_seconds', latencyBuckets, {
    unit: 'seconds',
    help:
      'Time from an accepted CONNECT to its CONNACK, for every connect. new: a new session. present: ' +
      'the session existed before.',
    values: { session: ['new', 'present'] },
  }),
  bytesReceived: counter('received_bytes_total', {
    unit: 'bytes',
    help: 'Bytes received from clients.',
  }),
  bytesSent: counter('sent_bytes_total', { unit: 'bytes', help: 'Bytes passed to the sockets of clients.' }),
  publishesReceived: counter('publishes_received_total', {
    unit: 'packets',
    help: 'PUBLISH packets received from clients, redelivered ones included, by QoS.',
    values: { qos: qosLevels },
  }),
  publishesSent: counter('publishes_sent_total', {
    unit: 'packets',
    help:
      'PUBLISH packets passed to the sockets of clients, redelivered ones included, by the QoS of ' +
      'delivery.',
    values: { qos: qosLevels },
  }),
  acks: counter('publish_acks_total', {
    unit: 'acks',
    help:
      'PUBACK (QoS 1) and PUBREC (QoS 2) packets sent to publishers. majority: the message was on the ' +
      'disks of a majority. degraded: the message was on the disk of this member only.',
    values: { qos: acknowledgedQosLevels, durability: ['majority', 'degraded'] },
  }),
  publishRefusals: counter('publish_refusals_total', {
    unit: 'packets',
    help:
      'PUBLISH packets of clients that the member rejected, by reason. quota: a bound of the cluster or of this member was ' +
      'reached.',
    values: { reason: ['quota', 'not_authorized', 'topic'] },
  }),
  subscriptionRefusals: counter('subscription_refusals_total', {
    unit: 'subscriptions',
    help: 'Filters of SUBSCRIBE packets that the access rules denied.',
  }),
  deliverySeconds: histogram('delivery_seconds', latencyBuckets, {
    unit: 'seconds',
    help:
      'Time from the arrival of a QoS 1 or 2 publish at its home until it is passed to the socket of ' +
      'the first client of the same member, measured by one clock. Only a sample is measured: at ' +
      'most one message of a batch and at most 16 messages at a time. A message that reaches no client within ' +
      '10 s is not measured.',
  }),
  unauthenticated: gauge('unauthenticated_connections', {
    unit: 'connections',
    help: 'Connections to this member that have not authenticated.',
  }),
  unauthenticatedMax: gauge('unauthenticated_connections_max', {
    unit: 'connections',
    help: 'Bound of unauthenticated_connections. Beyond it the member closes those of the address that holds most.',
  }),
  bufferBytes: gauge('client_buffer_bytes', {
    unit: 'bytes',
    help:
      'Bytes that the connections of this member hold. unauthenticated: received before the authentication. ' +
      'unfinished: of incomplete packets. held: QoS 2 publishes of MQTT 3.1.1 clients that wait for the window. ' +
      'outgoing: not yet sent to clients. unanswered: large QoS 1 and 2 publishes that the member has not answered.',
    values: { buffer: clientBuffers },
  }),
  bufferBytesMax: gauge('client_buffer_bytes_max', {
    unit: 'bytes',
    help: 'Bound of client_buffer_bytes. Near it the member pauses or closes the connections that hold most.',
    values: { buffer: clientBuffers },
  }),
  limitHits: counter('client_limit_hits_total', {
    unit: 'events',
    help:
      'Times that a limit refused, closed, paused or delayed a connection, or that a bound of the cluster, or a bound ' +
      'of the member (limits.outboxBytesMax, limits.homeSubscriptionBytesMax), refused a SUBSCRIBE (subscriptions), a ' +
      'CONNECT (sessions) or a PUBLISH (stored_messages). The log names the clients and addresses. ' +
      'flapping: a connect was delayed, because two devices use one client id.',
    values: { limit: clientLimits },
  }),
  publishPauses: counter('publish_rate_pauses_total', {
    unit: 'events',
    help:
      'Times that the member paused reading from a client because the client exceeded its publish rate, or because ' +
      'too many bytes of large publishes wait for an answer.',
    purpose: 'debugging',
  }),
} as const;
