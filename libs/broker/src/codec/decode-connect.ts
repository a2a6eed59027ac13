import { adminTopicPrefix } from '@mqtt-cluster/contracts';
import type { QoS, Will } from '@mqtt-cluster/contracts';
import type { ByteReader } from './byte-reader.ts';
import { malformed, PacketError, protocolError } from './packet-error.ts';
import { allowedProperties, messageProperties, readProperties } from './properties.ts';
import type { Properties } from './properties.ts';
import { reasonCodes } from './reason-codes.ts';
import { topicNameFault } from './topic-validation.ts';

/** The protocol level in CONNECT: MQTT 3.1, 3.1.1 or 5. */
export type ProtocolVersion = 3 | 4 | 5;

export interface ConnectPacket {
  readonly version: ProtocolVersion;
  /** True if the client is a bridge of another broker: it sets the bit 0x80 of the protocol level. */
  readonly isBridge: boolean;
  /** Empty if the client asks the server to assign a client identifier. */
  readonly client: string;
  readonly clean: boolean;
  /** Keep-alive in seconds; 0 disables the keep-alive. */
  readonly keepAlive: number;
  readonly will?: Will;
  readonly userName?: string;
  readonly password?: Buffer;
  readonly properties: Properties;
}

/**
 * The client uses an unsupported protocol name or level. The guard encodes CONNACK in a form that the client
 * can parse.
 */
export class UnsupportedProtocolError extends Error {
  /** The protocol level, without the bit of a bridge. */
  readonly level: number;

  constructor(level: number) {
    super(`the protocol name, or the protocol level ${level}, is not supported`);
    this.name = 'UnsupportedProtocolError';
    this.level = level;
  }
}

/**
 * Decodes the body of CONNECT.
 *
 * Calls `onVersion` and `onMaximumPacketSize` before the checks of later fields, so that the caller can answer a
 * {@link PacketError} in the form that the client can receive.
 *
 * @throws UnsupportedProtocolError
 * @throws PacketError
 */
export function decodeConnect(
  reader: ByteReader,
  onVersion: (version: ProtocolVersion) => void,
  onMaximumPacketSize: (bytes: number) => void,
): ConnectPacket {
  const { version, isBridge } = readProtocol(reader);
  onVersion(version);
  const flags = reader.byte();
  // [MQTT-3.1.2-3]. MQTT 3.1 does not use this bit.
  if (flags & 0x01 && version > 3) throw malformed('the reserved CONNECT flag is set');
  const hasWill = (flags & 0x04) !== 0;
  const willQos = (flags >> 3) & 3;
  const willRetain = (flags & 0x20) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  const hasUserName = (flags & 0x80) !== 0;
  // [MQTT-3.1.2-13, -15]
  if (!hasWill && (willQos !== 0 || willRetain)) throw malformed('CONNECT has will flags without a will');
  if (willQos > 2) throw malformed('the will has QoS 3'); // [MQTT-3.1.2-14]
  // [MQTT-3.1.2-22]
  if (version < 5 && hasPassword && !hasUserName)
    throw malformed('CONNECT has a password without a user name');
  const keepAlive = reader.uint16();
  const properties = version === 5 ? readProperties(reader, allowedProperties.connect) : undefined;
  if (properties?.maximumPacketSize !== undefined) onMaximumPacketSize(properties.maximumPacketSize);
  const client = reader.utf8String();
  const will = hasWill ? readWill(reader, version, willQos as QoS, willRetain) : undefined;
  // MQTT 3.1, 3.1: a CONNECT that ends before the announced user name or password is valid.
  const isComplete = (): boolean => version === 3 && reader.remaining === 0;
  const userName = hasUserName && !isComplete() ? reader.utf8String() : undefined;
  const password = hasPassword && !isComplete() ? reader.binaryData() : undefined;
  reader.expectEnd();
  if (properties) rejectEnhancedAuthentication(properties);
  return {
    version,
    isBridge,
    client,
    clean: (flags & 0x02) !== 0,
    keepAlive,
    properties: properties ?? {},
    ...(will && { will }),
    ...(userName !== undefined && { userName }),
    ...(password && { password }),
  };
}

/**
 * Brokers such as Mosquitto set this bit of the protocol level when they connect as a bridge. The standards
 * do not define it.
 */
const bridgeBit = 0x80;

function readProtocol(reader: ByteReader): { version: ProtocolVersion; isBridge: boolean } {
  const name = reader.utf8String();
  const byte = reader.byte();
  const level = byte & ~bridgeBit;
  const isBridge = (byte & bridgeBit) !== 0;
  if (name === 'MQIsdp' && level === 3) return { version: 3, isBridge };
  if (name === 'MQTT' && (level === 4 || level === 5)) return { version: level, isBridge };
  throw new UnsupportedProtocolError(level); // [MQTT-3.1.2-1, MQTT-3.1.2-2]
}

/** The broker does not support enhanced authentication (MQTT 5, 4.12). */
function rejectEnhancedAuthentication(properties: Properties): void {
  if (properties.authenticationMethod !== undefined) {
    throw new PacketError(reasonCodes.badAuthenticationMethod, 'enhanced authentication is not supported');
  }
  if (properties.authenticationData !== undefined) {
    throw protocolError('CONNECT has authentication data without a method');
  }
}

function readWill(reader: ByteReader, version: ProtocolVersion, qos: QoS, retain: boolean): Will {
  const properties = version === 5 ? readProperties(reader, allowedProperties.will) : undefined;
  const topic = reader.utf8String();
  const fault = topicNameFault(topic);
  if (fault === 'malformed') throw malformed('the will topic is malformed');
  // An admin topic is rejected for two reasons: the client is not yet authorized as an administrator, and an
  // admin command must not run at the later time at which the will is published.
  if (topic.startsWith(adminTopicPrefix)) {
    throw new PacketError(reasonCodes.topicNameInvalid, 'the will topic is reserved');
  }
  if (fault) throw new PacketError(reasonCodes.topicNameInvalid, `the will topic is rejected: ${fault}`);
  // The will lives as long as the session. A copy avoids retaining the received chunk for that time.
  const payload = Buffer.from(reader.binaryData());
  const message = properties && messageProperties(properties);
  return {
    topic,
    payload,
    qos,
    retain,
    delaySeconds: properties?.willDelayInterval ?? 0,
    ...(message && { properties: message }),
  };
}
