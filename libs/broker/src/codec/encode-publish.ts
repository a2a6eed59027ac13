import type { DeliverEffect, Message, MessageProperties } from '@mqtt-cluster/contracts';

/**
 * A packet that is encoded once for several clients. The copy for each client gets its own packet identifier.
 */
export interface EncodedPacket {
  /** The encoded packet. Immutable. */
  readonly bytes: Buffer;
  /** Position of the packet identifier, or 0 if the packet has none. */
  readonly packetIdOffset: number;
}

/** Bound of {@link PublishEncoder}'s variants of one message. */
const variantsMax = 16;

/** Encodes each message once for all subscribers whose packets differ in the packet identifier only. */
export class PublishEncoder {
  /**
   * The cache covers one message, because its deliveries follow one another. A weak map of all messages took
   * a tenth of the broker's CPU time.
   */
  #cachedMessage: Message | null = null;
  /** Encodings of the cached message, by protocol version, QoS and RETAIN. */
  #cached: (EncodedPacket | undefined)[] = [];
  /**
   * Encodings that also differ in DUP, subscription identifiers, expiry or topic alias. They are rare, so their key is a
   * string.
   */
  readonly #variants = new WeakMap<Message, Map<string, EncodedPacket>>();

  /**
   * @param alias topic alias of the packet, 0 for a packet without one
   * @param withTopic false if the client knows the topic of the alias
   */
  encode(deliver: DeliverEffect, version: number, alias = 0, withTopic = true): EncodedPacket {
    const { message, qos, retain } = deliver;
    const slot = (version === 5 ? 6 : 0) + qos * 2 + (retain ? 1 : 0);
    if (
      deliver.dup ||
      alias > 0 ||
      (version === 5 && (deliver.subscriptionIdentifiers || deliver.expirySeconds !== undefined))
    ) {
      return this.#encodeVariant(deliver, version, slot, alias, withTopic);
    }
    if (this.#cachedMessage !== message) {
      this.#cachedMessage = message;
      this.#cached = [];
    }
    return (this.#cached[slot] ??= encodePublish(deliver, version));
  }

  #encodeVariant(
    deliver: DeliverEffect,
    version: number,
    slot: number,
    alias: number,
    withTopic: boolean,
  ): EncodedPacket {
    let variants = this.#variants.get(deliver.message);
    if (!variants) {
      variants = new Map();
      this.#variants.set(deliver.message, variants);
    }
    const identifiers = deliver.subscriptionIdentifiers?.join() ?? '';
    const key = `${slot}/${deliver.dup}/${identifiers}/${deliver.expirySeconds ?? ''}/${alias}/${withTopic}`;
    let encoded = variants.get(key);
    if (!encoded) {
      // The remaining expiry changes every second, so old variants are useless.
      if (variants.size >= variantsMax) variants.clear();
      encoded = encodePublish(deliver, version, alias, withTopic);
      variants.set(key, encoded);
    }
    return encoded;
  }
}

function encodePublish(deliver: DeliverEffect, version: number, alias = 0, withTopic = true): EncodedPacket {
  const { message, qos } = deliver;
  const topic = withTopic ? message.topic : '';
  const topicBytes = Buffer.byteLength(topic);
  const properties = version === 5 ? encodeProperties(deliver, alias) : null;
  const bodyBytes =
    2 + topicBytes + (qos > 0 ? 2 : 0) + (properties ? properties.length : 0) + message.payload.length;
  const headerBytes = 1 + variableByteIntegerBytes(bodyBytes);
  const bytes = Buffer.allocUnsafe(headerBytes + bodyBytes);
  bytes[0] = 0x30 | (deliver.dup && qos > 0 ? 8 : 0) | (qos << 1) | (deliver.retain ? 1 : 0);
  let position = writeVariableByteInteger(bytes, 1, bodyBytes);
  position = bytes.writeUInt16BE(topicBytes, position);
  position += bytes.write(topic, position);
  let packetIdOffset = 0;
  if (qos > 0) {
    packetIdOffset = position;
    position += 2;
  }
  if (properties) {
    bytes.set(properties, position);
    position += properties.length;
  }
  bytes.set(message.payload, position);
  return { bytes, packetIdOffset };
}

const noProperties = Buffer.from([0]);

function encodeProperties(deliver: DeliverEffect, alias: number): Buffer {
  const { message, subscriptionIdentifiers, expirySeconds } = deliver;
  if (!message.properties && !subscriptionIdentifiers && expirySeconds === undefined && alias === 0) {
    return noProperties;
  }
  const parts: Buffer[] = [];
  if (alias > 0) parts.push(Buffer.from([35, alias >> 8, alias & 0xff]));
  if (message.properties) encodeMessageProperties(message.properties, parts);
  const expiry = expirySeconds ?? message.properties?.messageExpiryInterval;
  if (expiry !== undefined) parts.push(uint32Property(2, expiry));
  for (const identifier of subscriptionIdentifiers ?? []) {
    parts.push(Buffer.from([11]), variableByteInteger(identifier));
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([variableByteInteger(body.length), body]);
}

function encodeMessageProperties(properties: MessageProperties, parts: Buffer[]): void {
  if (properties.payloadFormatIndicator !== undefined) {
    parts.push(Buffer.from([1, properties.payloadFormatIndicator ? 1 : 0]));
  }
  if (properties.contentType !== undefined) parts.push(Buffer.from([3]), utf8String(properties.contentType));
  if (properties.responseTopic !== undefined)
    parts.push(Buffer.from([8]), utf8String(properties.responseTopic));
  if (properties.correlationData !== undefined)
    parts.push(Buffer.from([9]), binaryData(properties.correlationData));
  for (const [name, value] of properties.userProperties ?? []) {
    parts.push(Buffer.from([38]), utf8String(name), utf8String(value));
  }
}

function uint32Property(identifier: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = identifier;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

function binaryData(value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(2 + value.length);
  bytes.writeUInt16BE(value.length, 0);
  bytes.set(value, 2);
  return bytes;
}

function utf8String(value: string): Buffer {
  return binaryData(Buffer.from(value, 'utf8'));
}

/** Returns the size in bytes of an encoded variable byte integer (MQTT 5, 1.5.5). */
export function variableByteIntegerBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : 4;
}

function writeVariableByteInteger(bytes: Buffer, position: number, value: number): number {
  while (value >= 0x80) {
    bytes[position++] = (value & 0x7f) | 0x80;
    value = Math.floor(value / 128);
  }
  bytes[position++] = value;
  return position;
}

function variableByteInteger(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(variableByteIntegerBytes(value));
  writeVariableByteInteger(bytes, 0, value);
  return bytes;
}
