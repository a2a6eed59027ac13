import type { DeliverEffect, Message, MessageProperties } from '@mqtt-cluster/contracts';

/** A packet that several clients share; each writes its own packet id into its copy. */
export interface EncodedPacket {
  /** Never changed once made. */
  readonly bytes: Buffer;
  /** Where the packet id goes, or 0 when there is none. */
  readonly packetIdOffset: number;
}

function fixed(...bytes: number[]): EncodedPacket {
  return { bytes: Buffer.from(bytes), packetIdOffset: bytes.length > 2 ? 2 : 0 };
}

/** Success leaves its reason code out, so both versions look the same (MQTT 5, 3.4.2.1). */
export const acknowledgements = {
  puback: fixed(0x40, 2, 0, 0),
  pubrec: fixed(0x50, 2, 0, 0),
  pubrel: fixed(0x62, 2, 0, 0),
  pubcomp: fixed(0x70, 2, 0, 0),
} as const;

/** MQTT 5 only: with a reason code of failure. */
export function refusal(kind: 'puback' | 'pubrec', reasonCode: number): EncodedPacket {
  return fixed(kind === 'puback' ? 0x40 : 0x50, 3, 0, 0, reasonCode);
}

type Shared = Map<string, EncodedPacket>;

/** Encodes each message once for all subscribers that get the same bytes but for the packet id. */
export class PublishEncoder {
  /**
   * By version, QoS and RETAIN; other differences are rare and looked up by a string. Deliveries of one message come one
   * after the other, so the last one is enough; a weak map of all cost a tenth of the broker's time.
   */
  #last: Message | null = null;
  #plain: (EncodedPacket | undefined)[] = [];
  readonly #special = new WeakMap<Message, Shared>();

  encode(deliver: DeliverEffect, version: number): EncodedPacket {
    const { message, qos, retain } = deliver;
    const slot = (version === 5 ? 6 : 0) + qos * 2 + (retain ? 1 : 0);
    if (
      deliver.dup ||
      (version === 5 && (deliver.subscriptionIdentifiers || deliver.expirySeconds !== undefined))
    ) {
      return this.#encodeSpecial(deliver, version, slot);
    }
    if (this.#last !== message) {
      this.#last = message;
      this.#plain = [];
    }
    return (this.#plain[slot] ??= encodePublish(deliver, version));
  }

  #encodeSpecial(deliver: DeliverEffect, version: number, slot: number): EncodedPacket {
    let shared = this.#special.get(deliver.message);
    if (!shared) {
      shared = new Map();
      this.#special.set(deliver.message, shared);
    }
    const identifiers = deliver.subscriptionIdentifiers?.join() ?? '';
    const key = `${slot}/${deliver.dup}/${identifiers}/${deliver.expirySeconds ?? ''}`;
    let encoded = shared.get(key);
    if (!encoded) {
      // The expiry changes by the second: only the newest encodings are worth their memory.
      if (shared.size >= specialEncodingsMax) shared.clear();
      encoded = encodePublish(deliver, version);
      shared.set(key, encoded);
    }
    return encoded;
  }
}

const specialEncodingsMax = 16;

function encodePublish(deliver: DeliverEffect, version: number): EncodedPacket {
  const { message, qos } = deliver;
  const topicBytes = Buffer.byteLength(message.topic);
  const properties = version === 5 ? encodeProperties(deliver) : null;
  const bodyBytes =
    2 + topicBytes + (qos > 0 ? 2 : 0) + (properties ? properties.length : 0) + message.payload.length;
  const headerBytes = 1 + lengthBytes(bodyBytes);
  const bytes = Buffer.allocUnsafe(headerBytes + bodyBytes);
  bytes[0] = 0x30 | (deliver.dup && qos > 0 ? 8 : 0) | (qos << 1) | (deliver.retain ? 1 : 0);
  let position = writeLength(bytes, 1, bodyBytes);
  position = bytes.writeUInt16BE(topicBytes, position);
  position += bytes.write(message.topic, position);
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

function encodeProperties(deliver: DeliverEffect): Buffer {
  const { message, subscriptionIdentifiers, expirySeconds } = deliver;
  if (!message.properties && !subscriptionIdentifiers && expirySeconds === undefined) return noProperties;
  const parts: Buffer[] = [];
  if (message.properties) encodeMessageProperties(message.properties, parts);
  const expiry = expirySeconds ?? message.properties?.messageExpiryInterval;
  if (expiry !== undefined) parts.push(uint32Property(2, expiry));
  for (const identifier of subscriptionIdentifiers ?? []) {
    parts.push(Buffer.from([11]), variableInteger(identifier));
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([variableInteger(body.length), body]);
}

function encodeMessageProperties(properties: MessageProperties, parts: Buffer[]): void {
  if (properties.payloadFormatIndicator !== undefined) {
    parts.push(Buffer.from([1, properties.payloadFormatIndicator ? 1 : 0]));
  }
  if (properties.contentType !== undefined) parts.push(Buffer.from([3]), string(properties.contentType));
  if (properties.responseTopic !== undefined) parts.push(Buffer.from([8]), string(properties.responseTopic));
  if (properties.correlationData !== undefined)
    parts.push(Buffer.from([9]), binary(properties.correlationData));
  for (const [name, value] of properties.userProperties ?? []) {
    parts.push(Buffer.from([38]), string(name), string(value));
  }
}

function uint32Property(identifier: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = identifier;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

function binary(value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(2 + value.length);
  bytes.writeUInt16BE(value.length, 0);
  bytes.set(value, 2);
  return bytes;
}

function string(value: string): Buffer {
  return binary(Buffer.from(value, 'utf8'));
}

function lengthBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : 4;
}

function writeLength(bytes: Buffer, position: number, value: number): number {
  while (value >= 0x80) {
    bytes[position++] = (value & 0x7f) | 0x80;
    value = Math.floor(value / 128);
  }
  bytes[position++] = value;
  return position;
}

function variableInteger(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(lengthBytes(value));
  writeLength(bytes, 0, value);
  return bytes;
}
