import type { QoS, Subscription } from '@mqtt-cluster/contracts';
import type { ByteReader } from './byte-reader.ts';
import { malformed, protocolError } from './packet-error.ts';
import { allowedProperties, readProperties } from './properties.ts';
import type { Properties } from './properties.ts';
import { clientReasonCodes } from './reason-codes.ts';
import { isSharedSubscription } from './topic-validation.ts';

export interface PublishPacket {
  /** Empty when the topic alias replaces it. */
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** The packet may be a retransmission [MQTT-3.3.1-1]. */
  readonly dup: boolean;
  /** Packet identifier; 0 for QoS 0. */
  readonly packetId: number;
  readonly properties: Properties | undefined;
  /** The payload: a view of the received chunk, not a copy. */
  readonly payload: Buffer;
}

export function decodePublish(reader: ByteReader, first: number, version: number): PublishPacket {
  const qos = (first >> 1) & 3;
  if (qos === 3) throw malformed('PUBLISH has QoS 3'); // [MQTT-3.3.1-4]
  const dup = (first & 0x08) !== 0;
  if (qos === 0 && dup) throw malformed('PUBLISH has DUP with QoS 0'); // [MQTT-3.3.1-2]
  const topic = reader.utf8String();
  const packetId = qos > 0 ? reader.packetId() : 0;
  const properties = version === 5 ? readProperties(reader, allowedProperties.publish) : undefined;
  const retain = (first & 1) !== 0;
  return { topic, qos: qos as QoS, retain, dup, packetId, properties, payload: reader.rest() };
}

interface SubscribePacket {
  readonly packetId: number;
  readonly subscriptions: readonly Subscription[];
}

export function decodeSubscribe(reader: ByteReader, version: number): SubscribePacket {
  const packetId = reader.packetId();
  const properties = version === 5 ? readProperties(reader, allowedProperties.subscribe) : undefined;
  const identifier = properties?.subscriptionIdentifier;
  const subscriptions: Subscription[] = [];
  while (reader.remaining > 0) {
    const filter = reader.utf8String();
    const options = reader.byte();
    subscriptions.push({
      filter,
      ...subscriptionOptions(filter, options, version),
      ...(identifier !== undefined && { subscriptionIdentifier: identifier }),
    });
  }
  if (subscriptions.length === 0) throw protocolError('SUBSCRIBE has no filter'); // [MQTT-3.8.3-3]
  return { packetId, subscriptions };
}

function subscriptionOptions(filter: string, options: number, version: number): Omit<Subscription, 'filter'> {
  const qos = options & 3;
  if (version < 5) {
    if (qos === 3) throw malformed('SUBSCRIBE has QoS 3'); // [MQTT-3.8.3-4]
    if (options > 2) throw malformed('SUBSCRIBE has reserved option bits set'); // [MQTT-3.8.3-4]
    return { qos: qos as QoS };
  }
  if (qos === 3) throw protocolError('SUBSCRIBE has QoS 3'); // MQTT 5, 3.8.3.1
  const retainHandling = (options >> 4) & 3;
  if (options & 0xc0) throw malformed('SUBSCRIBE has reserved option bits set'); // [MQTT-3.8.3-5]
  if (retainHandling === 3) throw protocolError('SUBSCRIBE has retain handling 3');
  const noLocal = (options & 0x04) !== 0;
  if (noLocal && isSharedSubscription(filter)) {
    throw protocolError('a shared subscription has the option No Local'); // [MQTT-3.8.3-4]
  }
  return {
    qos: qos as QoS,
    noLocal,
    retainAsPublished: (options & 0x08) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  };
}

interface UnsubscribePacket {
  readonly packetId: number;
  readonly filters: readonly string[];
}

export function decodeUnsubscribe(reader: ByteReader, version: number): UnsubscribePacket {
  const packetId = reader.packetId();
  if (version === 5) readProperties(reader, allowedProperties.unsubscribe);
  const filters: string[] = [];
  while (reader.remaining > 0) filters.push(reader.utf8String());
  if (filters.length === 0) throw protocolError('UNSUBSCRIBE has no filter'); // [MQTT-3.10.3-2]
  return { packetId, filters };
}

interface AcknowledgementPacket {
  readonly packetId: number;
  readonly reasonCode: number;
}

/**
 * Decodes PUBACK and PUBREC (`receipt`), or PUBREL and PUBCOMP (`release`). All four have the same form.
 */
export function decodeAcknowledgement(
  reader: ByteReader,
  version: number,
  kind: 'receipt' | 'release',
): AcknowledgementPacket {
  const packetId = reader.packetId();
  let reasonCode = 0;
  if (version === 5 && reader.remaining > 0) {
    reasonCode = reader.byte();
    checkReasonCode(reasonCode, clientReasonCodes[kind]);
    if (reader.remaining > 0) readProperties(reader, allowedProperties.acknowledgement);
  }
  reader.expectEnd();
  return { packetId, reasonCode };
}

interface DisconnectPacket {
  readonly reasonCode: number;
  /** New Session Expiry Interval, seconds; undefined leaves the interval of CONNECT in force. */
  readonly sessionExpiryInterval: number | undefined;
}

export function decodeDisconnect(reader: ByteReader, version: number): DisconnectPacket {
  let reasonCode = 0;
  let properties: Properties | undefined;
  if (version === 5 && reader.remaining > 0) {
    reasonCode = reader.byte();
    checkReasonCode(reasonCode, clientReasonCodes.disconnect);
    if (reader.remaining > 0) properties = readProperties(reader, allowedProperties.disconnect);
  }
  reader.expectEnd();
  return { reasonCode, sessionExpiryInterval: properties?.sessionExpiryInterval };
}

function checkReasonCode(reasonCode: number, allowed: ReadonlySet<number>): void {
  if (!allowed.has(reasonCode)) {
    throw protocolError(`a client may not send the reason code ${reasonCode} in this packet`);
  }
}
