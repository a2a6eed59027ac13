import type { ClientLimit } from '@mqtt-cluster/metric-catalogue';

/** The log line of each limit: what happened, why, and the setting. */
export const limitTexts: Readonly<Record<ClientLimit, string>> = {
  connect_rate:
    'connections refused: the address opens too many per second (limits.clients.connectsPerSecondMax)',
  unauthenticated_connections:
    'connections refused or closed: too many have not authenticated, most of them from this address ' +
    '(limits.clients.unauthenticatedMax)',
  sockets:
    'connections refused or closed: the open files of the process are reserved for peers, HTTP and the store (LimitNOFILE)',
  clients:
    'client rejected or disconnected: the member is full, and its address or user holds most connections ' +
    '(mqtt.clientsMax)',
  address_connections: 'connections refused: the address has too many (limits.clients.perAddressMax)',
  user_connections: 'client rejected: its user has too many connections (limits.clients.perUserMax)',
  unauthenticated_bytes:
    'connection closed: the unauthenticated connections hold too many bytes, and its address holds most ' +
    '(limits.clients.unauthenticatedBytesMax)',
  unfinished_bytes:
    'client paused or disconnected: incomplete packets of all clients have too many bytes, and it holds more than ' +
    'its part (limits.clients.unfinishedBytesMax)',
  held_bytes:
    'client disconnected: QoS 2 publishes of all clients that wait for PUBREL have too many bytes, and it holds most ' +
    '(limits.clients.heldBytesMax)',
  outgoing_bytes:
    'client receives no QoS 0 messages for now: the outgoing buffers of all clients have too many bytes, and it ' +
    'reads slowly (limits.clients.outgoingBytesMax)',
  publish_rate:
    'client paused: it publishes too many messages per second (limits.clients.publishesPerSecondMax)',
  publish_byte_rate:
    'client paused: it publishes too many bytes per second (limits.clients.publishBytesPerSecondMax)',
  flapping:
    'connects are delayed: two connections with the same client id take over from each other again and again; give ' +
    'each device a client id of its own',
  memory: 'connections refused: the process uses too much memory (limits.memoryBytesMax)',
  subscriptions:
    'filters of a client rejected: its session or the cluster has too many subscriptions (cluster settings ' +
    'sessionSubscriptionsMax, sessionSubscriptionBytesMax, subscriptionBytesMax), the clients of the member have too ' +
    'many (limits.homeSubscriptionBytesMax), or too many commands wait, for example without a majority ' +
    '(limits.outboxBytesMax)',
  sessions:
    'client rejected: its user or the cluster has too many sessions, or the wills have too many bytes (cluster settings ' +
    'sessionsMax, userSessionsMax, sessionWillBytesMax, willBytesMax)',
  stored_messages:
    'publish of a client rejected: retained messages, queues or unreleased QoS 2 publishes reach a bound, or too many ' +
    'commands wait (cluster settings retainedMax, retainedBytesMax, userRetainedBytesMax, incomingMax, and the bounds of ' +
    'the queues with queueFull refuse; limits.outboxBytesMax)',
};
