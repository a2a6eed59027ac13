import { FrameError } from '@mqtt-cluster/contracts';
import type { Message, MessageProperties, QoS, Subscription, Will } from '@mqtt-cluster/contracts';
import { writeArray } from './bytes.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

const retainBit = 4;
const propertiesBit = 8;
const publisherBit = 16;
const expiresAtBit = 32;
/**
 * This bit is set when the publisher is the client of the command that contains the message. The client id is
 * then not written again.
 */
const publisherIsClientBit = 64;

export function readQos(bits: number): QoS {
  const qos = bits & 3;
  if (qos === 3) throw new FrameError('QoS 3 is invalid'); // [MQTT-3.3.1-4]
  return qos as QoS;
}

export function writeMessage(writer: ByteWriter, message: Message, client?: string): void {
  const sameClient = message.publisher !== undefined && message.publisher === client;
  writer.byte(
    message.qos |
      (message.retain ? retainBit : 0) |
      (message.properties ? propertiesBit : 0) |
      (message.publisher !== undefined && !sameClient ? publisherBit : 0) |
      (message.expiresAt !== undefined ? expiresAtBit : 0) |
      (sameClient ? publisherIsClientBit : 0),
  );
  writer.string(message.topic);
  writer.bytes(message.payload);
  if (message.properties) writeProperties(writer, message.properties);
  if (message.publisher !== undefined && !sameClient) writer.string(message.publisher);
  if (message.expiresAt !== undefined) writer.number(message.expiresAt);
}

export function readMessage(reader: ByteReader, client?: string): Message {
  const bits = reader.byte();
  const qos = readQos(bits);
  const retain = (bits & retainBit) !== 0;
  const topic = reader.string();
  const payload = reader.bytes();
  const properties = bits & propertiesBit ? readProperties(reader) : undefined;
  const written = bits & publisherBit ? reader.string() : undefined;
  const publisher = bits & publisherIsClientBit ? client : written;
  const expiresAt = bits & expiresAtBit ? reader.number() : undefined;
  return composeMessage(topic, payload, qos, retain, properties, publisher, expiresAt);
}

/** Creates a message. All messages are created here, so that they share one hidden class of V8. */
export function composeMessage(
  topic: string,
  payload: Uint8Array,
  qos: QoS,
  retain: boolean,
  properties: MessageProperties | undefined,
  publisher: string | undefined,
  expiresAt: number | undefined,
): Message {
  const message: { -readonly [Key in keyof Message]: Message[Key] } = { topic, payload, qos, retain };
  if (properties !== undefined) message.properties = properties;
  if (publisher !== undefined) message.publisher = publisher;
  if (expiresAt !== undefined) message.expiresAt = expiresAt;
  return message;
}

/** Copies a message, so that the copy does not keep a larger buffer in memory. */
export function copyMessage(message: Message): Message {
  const { topic, payload, qos, retain, publisher, expiresAt } = message;
  return composeMessage(
    topic,
    payload.slice(),
    qos,
    retain,
    copyProperties(message.properties),
    publisher,
    expiresAt,
  );
}

export function copyWill(will: Will): Will {
  const properties = copyProperties(will.properties);
  return { ...will, payload: will.payload.slice(), ...(properties && { properties }) };
}

function copyProperties(properties: MessageProperties | undefined): MessageProperties | undefined {
  if (!properties?.correlationData) return properties;
  return { ...properties, correlationData: properties.correlationData.slice() };
}

function writeProperties(writer: ByteWriter, properties: MessageProperties): void {
  writer.byte(
    (properties.payloadFormatIndicator !== undefined ? 1 : 0) |
      (properties.payloadFormatIndicator ? 2 : 0) |
      (properties.messageExpiryInterval !== undefined ? 4 : 0) |
      (properties.contentType !== undefined ? 8 : 0) |
      (properties.responseTopic !== undefined ? 16 : 0) |
      (properties.correlationData !== undefined ? 32 : 0) |
      (properties.userProperties !== undefined ? 64 : 0),
  );
  if (properties.messageExpiryInterval !== undefined) writer.number(properties.messageExpiryInterval);
  if (properties.contentType !== undefined) writer.string(properties.contentType);
  if (properties.responseTopic !== undefined) writer.string(properties.responseTopic);
  if (properties.correlationData !== undefined) writer.bytes(properties.correlationData);
  if (properties.userProperties === undefined) return;
  writeArray(writer, properties.userProperties, ([name, value]) => {
    writer.string(name);
    writer.string(value);
  });
}

function readProperties(reader: ByteReader): MessageProperties {
  const bits = reader.byte();
  const properties: { -readonly [Key in keyof MessageProperties]: MessageProperties[Key] } = {};
  if (bits & 1) properties.payloadFormatIndicator = (bits & 2) !== 0;
  if (bits & 4) properties.messageExpiryInterval = reader.number();
  if (bits & 8) properties.contentType = reader.string();
  if (bits & 16) properties.responseTopic = reader.string();
  if (bits & 32) properties.correlationData = reader.bytes();
  if (bits & 64) {
    properties.userProperties = reader.list((list): readonly [string, string] => [
      list.string(),
      list.string(),
    ]);
  }
  return properties;
}

export function writeWill(writer: ByteWriter, will: Will): void {
  writer.byte(will.qos | (will.retain ? retainBit : 0) | (will.properties ? propertiesBit : 0));
  writer.string(will.topic);
  writer.bytes(will.payload);
  if (will.properties) writeProperties(writer, will.properties);
  writer.number(will.delaySeconds);
}

export function readWill(reader: ByteReader): Will {
  const bits = reader.byte();
  const qos = readQos(bits);
  const topic = reader.string();
  const payload = reader.bytes();
  const properties = bits & propertiesBit ? readProperties(reader) : undefined;
  const delaySeconds = reader.number();
  return {
    topic,
    payload,
    qos,
    retain: (bits & retainBit) !== 0,
    ...(properties && { properties }),
    delaySeconds,
  };
}

/**
 * Writes the filter and options of a subscription. Bits of the options: 0-1 QoS, 2 No Local, 3 Retain As
 * Published, 4-5 Retain Handling (3: absent), 6 identifier present, 7 No Local present, 8 Retain As Published
 * present.
 */
export function writeSubscription(writer: ByteWriter, subscription: Subscription): void {
  writer.number(
    subscription.qos |
      (subscription.noLocal ? 4 : 0) |
      (subscription.retainAsPublished ? 8 : 0) |
      ((subscription.retainHandling ?? 3) << 4) |
      (subscription.subscriptionIdentifier !== undefined ? 64 : 0) |
      (subscription.noLocal !== undefined ? 128 : 0) |
      (subscription.retainAsPublished !== undefined ? 256 : 0),
  );
  writer.string(subscription.filter);
  if (subscription.subscriptionIdentifier !== undefined) writer.number(subscription.subscriptionIdentifier);
}

export function readSubscription(reader: ByteReader): Subscription {
  const bits = reader.number();
  const handling = (bits >> 4) & 3;
  const subscription: { -readonly [Key in keyof Subscription]: Subscription[Key] } = {
    qos: readQos(bits),
    filter: reader.string(),
  };
  if (bits & 64) subscription.subscriptionIdentifier = reader.number();
  if (bits & 128) subscription.noLocal = (bits & 4) !== 0;
  if (bits & 256) subscription.retainAsPublished = (bits & 8) !== 0;
  if (handling !== 3) subscription.retainHandling = handling as 0 | 1 | 2;
  return subscription;
}
