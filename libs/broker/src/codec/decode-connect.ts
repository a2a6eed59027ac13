import { adminTopicPrefix } from '@mqtt-cluster/contracts';
import type { MessageProperties, QoS, Will } from '@mqtt-cluster/contracts';
import type { ByteReader } from './byte-reader.ts';
import { malformed, PacketError, protocolError } from './packet-error.ts';
import { allowedProperties, readProperties } from './properties.ts';
import type { Properties } from './properties.ts';
import { reasonCodes } from './reason-codes.ts';
import { topicNameFault } from './topic-validation.ts';

export type ProtocolVersion = 3 | 4 | 5;

export interface ConnectPacket {
  readonly version: ProtocolVersion;
  readonly client: string;
  readonly clean: boolean;
  /** Seconds; 0 is never. */
  readonly keepAlive: number;
  readonly will?: Will;
  readonly userName?: string;
  readonly password?: Buffer;
  readonly properties: Properties;
}

/** The protocol level is none of ours: answered in the form that its sender may understand. */
export class ProtocolLevelError extends Error {
  readonly level: number;

  constructor(level: number) {
    super(`protocol level ${level} is not supported`);
    this.name = 'ProtocolLevelError';
    this.level = level;
  }
}

/**
 * @throws ProtocolLevelError
 * @throws PacketError with `version` noted through `onVersion` before, so that the answer has the right form
 */
export function decodeConnect(
  reader: ByteReader,
  onVersion: (version: ProtocolVersion) => void,
): ConnectPacket {
  const version = readVersion(reader);
  onVersion(version);
  const flags = reader.byte();
  if (flags & 0x01) throw malformed('reserved connect flag'); // [MQTT-3.1.2-3]
  const hasWill = (flags & 0x04) !== 0;
  const willQos = (flags >> 3) & 3;
  const willRetain = (flags & 0x20) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  const hasUserName = (flags & 0x80) !== 0;
  // [MQTT-3.1.2-13, -15]
  if (!hasWill && (willQos !== 0 || willRetain)) throw malformed('will flags without a will');
  if (willQos > 2) throw malformed('will QoS 3'); // [MQTT-3.1.2-14]
  // [MQTT-3.1.2-22]
  if (version < 5 && hasPassword && !hasUserName) throw malformed('password without user name');
  const keepAlive = reader.uint16();
  const properties = version === 5 ? readProperties(reader, allowedProperties.connect) : undefined;
  const client = reader.string();
  const will = hasWill ? readWill(reader, version, willQos as QoS, willRetain) : undefined;
  const userName = hasUserName ? reader.string() : undefined;
  const password = hasPassword ? reader.binary() : undefined;
  reader.finish();
  if (properties) checkAuthentication(properties);
  return {
    version,
    client,
    clean: (flags & 0x02) !== 0,
    keepAlive,
    properties: properties ?? {},
    ...(will && { will }),
    ...(userName !== undefined && { userName }),
    ...(password && { password }),
  };
}

function readVersion(reader: ByteReader): ProtocolVersion {
  const name = reader.string();
  const level = reader.byte();
  if (name === 'MQIsdp' && level === 3) return 3;
  if (name !== 'MQTT') throw malformed('protocol name'); // [MQTT-3.1.2-1]
  if (level === 4 || level === 5) return level;
  throw new ProtocolLevelError(level); // [MQTT-3.1.2-2]
}

/** Enhanced authentication is not offered (MQTT 5, 4.12). */
function checkAuthentication(properties: Properties): void {
  if (properties.authenticationMethod !== undefined) {
    throw new PacketError(reasonCodes.badAuthenticationMethod, 'enhanced authentication is not supported');
  }
  if (properties.authenticationData !== undefined) {
    throw protocolError('authentication data without a method');
  }
}

function readWill(reader: ByteReader, version: ProtocolVersion, qos: QoS, retain: boolean): Will {
  const properties = version === 5 ? readProperties(reader, allowedProperties.will) : undefined;
  const topic = reader.string();
  const fault = topicNameFault(topic);
  if (fault === 'malformed') throw malformed('will topic');
  // Whether this client may administer is not known yet, and a command is for now.
  if (topic.startsWith(adminTopicPrefix))
    throw new PacketError(reasonCodes.topicNameInvalid, 'will topic: reserved');
  if (fault) throw new PacketError(reasonCodes.topicNameInvalid, `will topic: ${fault}`);
  // The will outlives the packet by far: it must not hold on to the chunk it came in.
  const payload = Buffer.from(reader.binary());
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

/** What of a PUBLISH's or will's properties belongs to the message. */
export function messageProperties(properties: Properties): MessageProperties | undefined {
  const result: { -readonly [Key in keyof MessageProperties]: MessageProperties[Key] } = {};
  let any = false;
  if (properties.payloadFormatIndicator !== undefined) {
    result.payloadFormatIndicator = properties.payloadFormatIndicator === 1;
    any = true;
  }
  if (properties.messageExpiryInterval !== undefined) {
    result.messageExpiryInterval = properties.messageExpiryInterval;
    any = true;
  }
  if (properties.contentType !== undefined) {
    result.contentType = properties.contentType;
    any = true;
  }
  if (properties.responseTopic !== undefined) {
    if (/[+#]/.test(properties.responseTopic) || properties.responseTopic.length === 0) {
      throw protocolError('response topic with a wildcard'); // [MQTT-3.3.2-14]
    }
    result.responseTopic = properties.responseTopic;
    any = true;
  }
  if (properties.correlationData !== undefined) {
    result.correlationData = Buffer.from(properties.correlationData);
    any = true;
  }
  if (properties.userProperties !== undefined) {
    result.userProperties = properties.userProperties;
    any = true;
  }
  return any ? result : undefined;
}
