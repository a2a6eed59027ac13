import { shortened } from '@mqtt-cluster/contracts';
import type { QoS } from '@mqtt-cluster/contracts';

const names = [
  'RESERVED',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
] as const;

const topicLengthMax = 1_024;
const payloadBytesMax = 4_096;
const filtersMax = 16;

export interface PacketDescription {
  readonly packet: string;
  /** Client identifier of CONNECT. */
  client?: string;
  packetId?: number;
  topic?: string;
  qos?: QoS;
  dup?: boolean;
  retain?: boolean;
  decision?: string;
  payload?: string;
}

/** Bytes of one packet: the body is at `start` to `end`. */
export interface PacketBytes {
  readonly first: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/**
 * Describes a packet for a trace. Reads no user name and no password. Fields that a malformed packet lacks are absent.
 *
 * @param version protocol version of the connection: 3, 4 or 5
 */
export function describePacket(packet: PacketBytes, version: number, payload: boolean): PacketDescription {
  const name = names[packet.first >> 4] ?? 'RESERVED';
  const description: PacketDescription = { packet: name };
  try {
    describeFields(description, packet, version, payload);
  } catch {
    // The packet is shorter than its type demands. A trace must not change how the broker handles it.
  }
  return description;
}

function describeFields(
  description: PacketDescription,
  { first, bytes, start, end }: PacketBytes,
  version: number,
  payload: boolean,
): void {
  const body = bytes.subarray(start, end);
  switch (description.packet) {
    case 'CONNECT':
      description.client = clientIdOf(body);
      return;
    case 'CONNACK':
      describeReason(description, body, 1);
      return;
    case 'PUBLISH':
      return describePublish(description, first, body, version, payload);
    case 'DISCONNECT':
      return describeReason(description, body, 0);
    case 'PUBACK':
    case 'PUBREC':
    case 'PUBREL':
    case 'PUBCOMP':
      description.packetId = body.readUInt16BE(0);
      return describeReason(description, body, 2);
    case 'SUBSCRIBE':
    case 'UNSUBSCRIBE':
      description.packetId = body.readUInt16BE(0);
      description.topic = filtersOf(body, version, description.packet === 'SUBSCRIBE');
      return;
    case 'SUBACK':
    case 'UNSUBACK': {
      description.packetId = body.readUInt16BE(0);
      const codes = body.subarray(version === 5 ? propertiesEnd(body, 2) : 2);
      if (codes.length > 0) description.decision = `codes ${[...codes.subarray(0, filtersMax)].join(', ')}`;
      return;
    }
    default:
  }
}

function describePublish(
  description: PacketDescription,
  first: number,
  body: Buffer,
  version: number,
  payload: boolean,
): void {
  const qos = (first >> 1) & 3;
  description.qos = (qos > 2 ? 0 : qos) as QoS;
  description.dup = (first & 8) > 0;
  description.retain = (first & 1) > 0;
  const topicEnd = 2 + body.readUInt16BE(0);
  description.topic = text(body, 2, topicEnd);
  if (qos > 0) description.packetId = body.readUInt16BE(topicEnd);
  const afterId = topicEnd + (qos > 0 ? 2 : 0);
  if (!payload) return;
  const from = version === 5 ? propertiesEnd(body, afterId) : afterId;
  description.payload = body.subarray(from, from + payloadBytesMax).toString('base64');
}

function describeReason(description: PacketDescription, body: Buffer, position: number): void {
  const code = body[position] ?? 0;
  if (code > 0) description.decision = `reason code 0x${code.toString(16).padStart(2, '0')}`;
}

function clientIdOf(body: Buffer): string {
  const protocolEnd = 2 + body.readUInt16BE(0);
  const version = body.readUInt8(protocolEnd) & 0x7f;
  const afterKeepAlive = protocolEnd + 4;
  const position = version === 5 ? propertiesEnd(body, afterKeepAlive) : afterKeepAlive;
  return text(body, position + 2, position + 2 + body.readUInt16BE(position));
}

function filtersOf(body: Buffer, version: number, withOptions: boolean): string {
  const filters: string[] = [];
  let position = version === 5 ? propertiesEnd(body, 2) : 2;
  while (position + 2 <= body.length && filters.length < filtersMax) {
    const end = position + 2 + body.readUInt16BE(position);
    filters.push(text(body, position + 2, end));
    position = end + (withOptions ? 1 : 0);
  }
  return shortened(filters.join(', '), topicLengthMax);
}

/** Returns the position after the properties whose length is at `position`. */
function propertiesEnd(body: Buffer, position: number): number {
  let length = 0;
  for (let index = 0; index < 4; index++) {
    const byte = body.readUInt8(position + index);
    length += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return position + index + 1 + length;
  }
  return body.length;
}

function text(body: Buffer, from: number, to: number): string {
  return shortened(body.toString('utf8', from, Math.min(to, from + 4 * topicLengthMax)), topicLengthMax);
}
