import type { Note } from './clause.ts';

const sessionQueue = ['queuedMessagesMax', 'queuedBytesMax', 'queueFull', 'clusterQueuedBytesMax'];
const noAuth = 'does not apply: the server offers no enhanced authentication and sends no AUTH';

/** Choices, settings and reasons for the clauses of MQTT 5.0. */
export const notes50: Readonly<Record<string, Note>> = {
  'MQTT-1.5.4-1': {
    choice:
      'Control characters (U+0001 to U+001F, U+007F to U+009F) and Unicode non-characters are accepted in topics, ' +
      'filters, client ids and user names. The standard allows a server to treat them as malformed.',
  },
  'MQTT-3.1.2-1': { choice: 'The server answers 0x84 for protocol level 5 or above, return code 1 below.' },
  'MQTT-3.1.2-8': {
    choice:
      'When a member dies, the cluster publishes the wills of its clients within 5 s, plus the delay. The setting decides ' +
      'about the will of a client that connects again before that. Where members cannot reach each other, a will is ' +
      'published once or not at all. docs/DESIGN.md, "Wills", lists all cases.',
    settings: ['mqtt.willAfterFailover', 'timings.lostAfterMs', 'orphanGraceMs'],
  },
  'MQTT-3.1.2-22': {
    choice:
      'The bytes of an incomplete packet restart the timer while they arrive at 1 KiB/s or faster. A packet that ' +
      'stays below that rate for 60 s ends the connection, also without Keep Alive.',
    settings: ['mqtt.keepAliveSecondsMax'],
  },
  'MQTT-3.1.2-23': {
    choice: 'A longer Session Expiry Interval than the setting allows is shortened to it.',
    settings: ['sessionExpirySecondsMax', 'sessionsMax'],
  },
  'MQTT-3.1.2-26': {
    choice: 'The server uses up to 10 topic aliases towards a client that allows them.',
  },
  'MQTT-3.1.2-28': { choice: 'The server never sends Response Information.' },
  'MQTT-3.1.2-29': {
    choice:
      'The server sends a Reason String in DISCONNECT and in a CONNACK that refuses the client, and no User Property of its own.',
  },
  'MQTT-3.1.3-5': {
    choice: 'Client ids of up to 256 bytes with any characters except U+0000 are accepted.',
  },
  'MQTT-3.1.4-2': { choice: 'A refused CONNECT gets CONNACK with a reason code before the server closes.' },
  'MQTT-3.1.4-3': {
    choice:
      'The rule holds in the whole cluster. A member without a majority cannot compare with the others.',
    settings: ['whenIsolated'],
  },
  'MQTT-3.2.2-9': { reason: 'does not apply: the server supports QoS 2' },
  'MQTT-3.2.2-12': { reason: 'does not apply: the server supports QoS 2' },
  'MQTT-3.2.2-13': { reason: 'does not apply: the server supports retained messages' },
  'MQTT-3.3.2-4': {
    choice: 'The payload is not compared with its Payload Format Indicator; 0x99 is never sent.',
  },
  'MQTT-3.2.2-15': {
    choice: 'CONNACK announces the setting as the Maximum Packet Size of the server.',
    settings: ['mqtt.packetBytesMax'],
  },
  'MQTT-3.3.1-5': {
    choice: 'A retained message on a new topic above the bound is refused with 0x97.',
    settings: ['retainedMax'],
  },
  'MQTT-3.3.4-2': {
    choice:
      'A client receives one copy of a message that matches several of its subscriptions. The standard allows one ' +
      'copy per subscription.',
  },
  'MQTT-3.3.4-7': {
    choice:
      'QoS 2 publishes above Receive Maximum end the connection with 0x93. QoS 1 publishes above it wait in the socket, ' +
      'because common clients ignore Receive Maximum.',
  },
  'MQTT-3.3.4-5': { reason: 'does not apply: the server sends a single copy' },
  'MQTT-3.4.2-1': {
    choice:
      'Refused messages get 0x87, 0x90 or 0x97. 0x10 is sent where the subscriptions of all members are known.',
    settings: ['queueFull', 'incomingMax', 'clusterQueuedBytesMax', 'retainedMax'],
  },
  'MQTT-3.8.4-4': {
    choice:
      'Retained messages that still wait for the client when it subscribes with the same filter again are sent once.',
  },
  'MQTT-3.7.2-1': {
    choice: 'PUBCOMP has 0x00 for an unknown packet id, because a repeated PUBREL is no error.',
  },
  'MQTT-3.8.4-7': {
    choice: 'The requested QoS is always granted. `$bridge/` gets 0x87, more than 100 levels get 0x8F.',
  },
  'MQTT-3.15.2-1': { reason: noAuth },
  'MQTT-3.15.2-2': { reason: noAuth },
  'MQTT-3.15.2-3': { reason: noAuth },
  'MQTT-4.1.0-1': { settings: sessionQueue },
  'MQTT-4.2.0-1': {
    choice: 'The server uses TCP. The body of the standard prints this identifier as MQTT-4.2-1.',
  },
  'MQTT-4.3.2-4': {
    choice:
      'PUBACK is sent when a majority of the members has stored the message. A member without a majority acknowledges ' +
      'QoS 1 messages from its own disk, if the setting is `accept`.',
    settings: ['whenIsolated', 'limits.outboxBytesMax'],
  },
  'MQTT-4.3.3-8': { choice: 'PUBREC is sent when a majority of the members has stored the message.' },
  'MQTT-4.5.0-1': {
    choice:
      'QoS 0 messages are not stored for an absent client. At a bound of the queue the oldest message is dropped and ' +
      'counted, or the publisher is refused.',
    settings: [...sessionQueue, 'connectedQueuedMessagesMax', 'connectedQueuedBytesMax'],
  },
  'MQTT-4.6.0-6': { choice: 'All topics are ordered. No setting declares an unordered topic.' },
  'MQTT-4.7.2-1': {
    choice:
      'Clients cannot publish to `$SYS/`, except `$SYS/broker/connection/NAME/state`, nor to `$bridge/`. Other topics ' +
      'that begin with `$` are ordinary ones.',
  },
  'MQTT-4.7.3-3': { choice: 'A topic or filter has at most 100 levels.' },
  'MQTT-4.12.0-2': { reason: noAuth },
  'MQTT-4.12.0-5': { reason: noAuth },
};
