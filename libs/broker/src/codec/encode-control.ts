import { generate } from 'mqtt-packet';
import type { IConnackPacket } from 'mqtt-packet';
import type { BrokerLimits } from '../options.ts';
import type { ProtocolVersion } from './decode-connect.ts';
import type { EncodedPacket } from './encode-publish.ts';
import { reasonCodes } from './reason-codes.ts';

/** The packet identifier follows the two bytes of the fixed header. */
const packetIdOffset = 2;

function withPacketId(...bytes: number[]): EncodedPacket {
  return { bytes: Buffer.from(bytes), packetIdOffset };
}

/**
 * A successful acknowledgement omits its reason code, so MQTT 3.1.1 and 5 share one form (MQTT 5, 3.4.2.1).
 */
export const acknowledgements = {
  puback: withPacketId(0x40, 2, 0, 0),
  pubrec: withPacketId(0x50, 2, 0, 0),
  pubrel: withPacketId(0x62, 2, 0, 0),
  pubcomp: withPacketId(0x70, 2, 0, 0),
} as const;

/** Encodes an MQTT 5 PUBACK or PUBREC with a reason code of failure. */
export function encodeNegativeAcknowledgement(kind: 'puback' | 'pubrec', reasonCode: number): EncodedPacket {
  return withPacketId(kind === 'puback' ? 0x40 : 0x50, 3, 0, 0, reasonCode);
}

/** Encodes SUBACK or UNSUBACK. An UNSUBACK of MQTT 3.1.1 contains no codes. */
export function encodeSubscriptionAcknowledgement(
  kind: 'suback' | 'unsuback',
  packetId: number,
  codes: readonly number[],
  version: number,
): Buffer {
  return generate({ cmd: kind, messageId: packetId, granted: [...codes] }, { protocolVersion: version });
}

export const pingresp = Buffer.from([0xd0, 0]);

interface ConnackDetails {
  readonly limits: BrokerLimits;
  /** The client identifier that the server assigned. */
  readonly assignedClient: string | undefined;
  /** Server Keep Alive, seconds; undefined if the server accepts the client's keep-alive. */
  readonly serverKeepAlive: number | undefined;
  /**
   * Session Expiry Interval, seconds; undefined if the server grants the client's interval (MQTT 5,
   * 3.2.2.3.2).
   */
  readonly sessionExpiryInterval: number | undefined;
}

/**
 * Encodes a successful CONNACK. An MQTT 5 client also receives the server's capabilities (MQTT 5, 3.2.2.3).
 */
export function encodeConnack(
  version: ProtocolVersion,
  sessionPresent: boolean,
  details: ConnackDetails,
): Buffer {
  // MQTT 3.1 has no Session Present flag: byte 1 is reserved.
  if (version < 5) return Buffer.from([0x20, 2, sessionPresent && version === 4 ? 1 : 0, 0]);
  const { limits, assignedClient, serverKeepAlive, sessionExpiryInterval } = details;
  const packet: IConnackPacket = {
    cmd: 'connack',
    sessionPresent,
    reasonCode: 0,
    properties: {
      receiveMaximum: limits.receiveMaximum,
      maximumPacketSize: limits.packetBytesMax,
      topicAliasMaximum: limits.topicAliasMaximum,
      retainAvailable: true,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: true,
      sharedSubscriptionAvailable: true,
      ...(assignedClient !== undefined && { assignedClientIdentifier: assignedClient }),
      ...(serverKeepAlive !== undefined && { serverKeepAlive }),
      ...(sessionExpiryInterval !== undefined && { sessionExpiryInterval }),
    },
  };
  return generate(packet, { protocolVersion: 5 });
}

/**
 * Encodes a CONNACK that rejects the client. Returns null for MQTT 3.1.1 when no return code matches the
 * reason code: the server closes such a connection without CONNACK.
 */
export function encodeConnackRefusal(
  version: ProtocolVersion,
  reasonCode: number,
  serverReference: string | undefined,
): Buffer | null {
  if (version === 5) {
    const packet: IConnackPacket = { cmd: 'connack', sessionPresent: false, reasonCode };
    if (serverReference !== undefined && reasonCode === reasonCodes.useAnotherServer) {
      packet.properties = { serverReference };
    }
    return generate(packet, { protocolVersion: 5 });
  }
  const code = returnCodeOf(reasonCode);
  return code === null ? null : Buffer.from([0x20, 2, 0, code]);
}

/** The CONNACK return code of MQTT 3.1.1 (table 3.1) for a reason code of MQTT 5, or null. */
function returnCodeOf(reasonCode: number): number | null {
  switch (reasonCode) {
    case reasonCodes.unsupportedProtocolVersion:
      return 1;
    case reasonCodes.clientIdentifierNotValid:
      return 2;
    case reasonCodes.serverUnavailable:
    case reasonCodes.quotaExceeded:
    case reasonCodes.useAnotherServer:
      return 3;
    case reasonCodes.badUserNameOrPassword:
      return 4;
    case reasonCodes.notAuthorized:
    case reasonCodes.topicNameInvalid:
      return 5;
    default:
      return null;
  }
}

const levelOfMqtt5 = 5;
/**
 * Encodes the CONNACK for an unsupported protocol name or level. A level above 5 belongs to a later MQTT
 * version, whose CONNACK probably starts like the one of MQTT 5.
 */
export function encodeUnsupportedProtocolConnack(level: number): Buffer {
  return level >= levelOfMqtt5
    ? Buffer.from([0x20, 3, 0, reasonCodes.unsupportedProtocolVersion, 0])
    : Buffer.from([0x20, 2, 0, 1]); // [MQTT-3.1.2-2]
}

/** Encodes an MQTT 5 DISCONNECT. */
export function encodeDisconnect(reasonCode: number, serverReference: string | undefined): Buffer {
  const redirect = serverReference !== undefined && reasonCode === reasonCodes.useAnotherServer;
  return generate(
    { cmd: 'disconnect', reasonCode, ...(redirect && { properties: { serverReference } }) },
    { protocolVersion: 5 },
  );
}
