import type { Note } from './clause.ts';

const sessionQueue = ['queuedMessagesMax', 'queuedBytesMax', 'queueFull', 'clusterQueuedBytesMax'];

/** Choices, settings and reasons for the clauses of MQTT 3.1.1. */
export const notes311: Readonly<Record<string, Note>> = {
  'MQTT-1.5.3-1': {
    choice:
      'Control characters (U+0001 to U+001F, U+007F to U+009F) and Unicode non-characters are accepted in topics, ' +
      'filters, client ids and user names. The standard allows a server to close the connection for them.',
  },
  'MQTT-3.1.2-1': { choice: 'The server answers return code 1, as for an unsupported protocol level.' },
  'MQTT-3.1.2-4': {
    choice:
      'A session of a client with Clean Session 0 never expires, unless the setting bounds its lifetime.',
    settings: ['sessionExpirySecondsMax', 'sessionsMax'],
  },
  'MQTT-3.1.2-5': {
    choice: 'QoS 0 messages are not stored for an absent client. The standard allows both.',
    settings: sessionQueue,
  },
  'MQTT-3.1.2-8': {
    choice:
      'When a member dies, the cluster publishes the wills of its clients within 5 s. The setting decides ' +
      'about the will of a client that connects again before that. Where members cannot reach each other, a will is ' +
      'published once or not at all. docs/DESIGN.md, "Wills", lists all cases.',
    settings: ['mqtt.willAfterFailover', 'timings.lostAfterMs', 'orphanGraceMs'],
  },
  'MQTT-3.1.2-24': {
    choice:
      'The bytes of an incomplete packet restart the timer while they arrive at 1 KiB/s or faster. A packet that ' +
      'stays below that rate for 60 s ends the connection, also without Keep Alive.',
  },
  'MQTT-3.1.3-5': {
    choice: 'Client ids of up to 256 bytes with any characters except U+0000 are accepted.',
  },
  'MQTT-3.1.3-6': { choice: 'An empty client id is accepted with Clean Session 1.' },
  'MQTT-3.1.3-9': { choice: 'Only client ids of more than 256 bytes and empty ones are refused.' },
  'MQTT-3.1.4-2': {
    choice:
      'The rule holds in the whole cluster. A member without a majority cannot compare with the others.',
    settings: ['whenIsolated'],
  },
  'MQTT-3.2.2-6': {
    choice: 'A draining, isolated or overloaded member answers return code 3 (server unavailable).',
  },
  'MQTT-3.3.1-5': {
    choice: 'A retained message on a new topic above the bound is refused: the publisher is disconnected.',
    settings: ['retainedMax'],
  },
  'MQTT-3.3.1-7': { choice: 'Retained QoS 0 messages are stored like the others, and are never discarded.' },
  'MQTT-3.3.5-1': {
    choice:
      'A client receives one copy of a message that matches several of its subscriptions. The standard allows one ' +
      'copy per subscription.',
  },
  'MQTT-3.3.5-2': {
    choice:
      'The server closes the connection of a client that publishes to `$SYS/` or `$bridge/`, or to a topic of more ' +
      'than 100 levels. Clients may publish to `$SYS/broker/connection/NAME/state`.',
  },
  'MQTT-3.8.3-2': { choice: 'Wildcards are supported.' },
  'MQTT-3.8.4-3': {
    choice:
      'Retained messages that still wait for the client when it subscribes with the same filter again are sent once.',
  },
  'MQTT-3.8.4-5': {
    choice:
      'The requested QoS is always granted. Filters on `$bridge/` or with more than 100 levels get 0x80.',
  },
  'MQTT-4.1.0-1': { settings: ['sessionExpirySecondsMax', ...sessionQueue] },
  'MQTT-4.3.2-2': {
    choice:
      'PUBACK is sent when a majority of the members has stored the message. A member without a majority acknowledges ' +
      'QoS 1 messages from its own disk, if the setting is `accept`.',
    settings: ['whenIsolated', 'limits.outboxBytesMax'],
  },
  'MQTT-4.3.3-2': {
    choice: 'PUBREC waits for a majority of the members. A client has at most `incomingMax` open exchanges.',
    settings: ['incomingMax'],
  },
  'MQTT-4.4.0-1': { choice: 'The server resends only when a session is resumed, never on a timer.' },
  'MQTT-4.5.0-1': {
    choice: 'At a bound of the queue the oldest message is dropped and counted, or the publisher is refused.',
    settings: [...sessionQueue, 'connectedQueuedMessagesMax', 'connectedQueuedBytesMax'],
  },
  'MQTT-4.6.0-5': { choice: 'All topics are ordered. No setting declares an unordered topic.' },
  'MQTT-4.7.2-1': {
    choice:
      'Clients cannot publish to `$SYS/`, except `$SYS/broker/connection/NAME/state`, nor to `$bridge/`. Other topics ' +
      'that begin with `$` are ordinary ones.',
  },
  'MQTT-4.7.3-3': { choice: 'A topic or filter has at most 100 levels.' },
  'MQTT-4.8.0-1': {
    choice: 'A packet above the bound counts as a protocol violation.',
    settings: ['mqtt.packetBytesMax'],
  },
  'MQTT-4.8.0-2': {
    choice:
      'A message that a bound or a full disk refuses is a transient error: the publisher is disconnected, and sends ' +
      'the message again when it reconnects.',
    settings: ['queueFull', 'incomingMax', 'clusterQueuedBytesMax'],
  },
  'MQTT-7.0.0-1': {
    choice:
      'Members connect to each other by MQTT 3.1.1 on a listener of their own. They do not bridge to other brokers; ' +
      'other brokers may bridge to a member.',
  },
  'MQTT-7.1.1-1': { choice: 'The server uses TCP.' },
};
