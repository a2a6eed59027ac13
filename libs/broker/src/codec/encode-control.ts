import { generate } from 'mqtt-packet';
import type { IConnackPacket, IDisconnectPacket, Packet } from 'mqtt-packet';
import type { BrokerLimits } from '../options.ts';
import type { ProtocolVersion } from './decode-connect.ts';
import type { EncodedPacket } from './encode-publish.ts';
import { variableByteIntegerBytes } from './encode-publish.ts';
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

/** Encodes an MQTT 5 PUBACK or PUBREC with a reason code other than 0x00. */
export function encodeAcknowledgement(kind: 'puback' | 'pubrec', reasonCode: number): EncodedPacket {
  return withPacketId(kind === 'puback' ? 0x40 : 0x50, 3, 0, 0, reasonCode);
}

/** PUBACK and PUBREC of an MQTT 5 publish that no subscription matches. */
export const unmatchedAcknowledgements = {
  puback: encodeAcknowledgement('puback', reasonCodes.noMatchingSubscribers),
  pubrec: encodeAcknowledgement('pubrec', reasonCodes.noMatchingSubscribers),
} as const;

/** Returns the size in bytes of an MQTT 5 SUBACK or UNSUBACK with this number of reason codes. */
export function subscriptionAcknowledgementBytes(codes: number): number {
  const bodyBytes = 3 + codes; // packet identifier, property length, codes
  return 1 + variableByteIntegerBytes(bodyBytes) + bodyBytes;
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

export const pingresp: EncodedPacket = { bytes: Buffer.from([0xd0, 0]), packetIdOffset: 0 };

interface ConnackDetails {
  readonly limits: BrokerLimits;
  /** The client's Maximum Packet Size, bytes. */
  readonly packetBytesMax: number;
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
 * CONNACK leaves out the capabilities whose absence means the same, if it is too large otherwise. Returns null
 * if it is still larger than the client's Maximum Packet Size [5.0 MQTT-3.1.2-24]. Everything else is needed: an
 * absent limit would mean another value.
 */
export function encodeConnack(
  version: ProtocolVersion,
  sessionPresent: boolean,
  details: ConnackDetails,
): Buffer | null {
  // MQTT 3.1 has no Session Present flag: byte 1 is reserved.
  if (version < 5) return Buffer.from([0x20, 2, sessionPresent && version === 4 ? 1 : 0, 0]);
  const { limits, packetBytesMax, assignedClient, serverKeepAlive, sessionExpiryInterval } = details;
  const packet: IConnackPacket = {
    cmd: 'connack',
    sessionPresent,
    reasonCode: 0,
    properties: {
      receiveMaximum: limits.receiveMaximum,
      maximumPacketSize: limits.packetBytesMax,
      topicAliasMaximum: limits.topicAliasMaximum,
      ...(assignedClient !== undefined && { assignedClientIdentifier: assignedClient }),
      ...(serverKeepAlive !== undefined && { serverKeepAlive }),
      ...(sessionExpiryInterval !== undefined && { sessionExpiryInterval }),
    },
  };
  const properties = { ...packet.properties, ...defaultCapabilities };
  return firstThatFits(packetBytesMax, [{ ...packet, properties }, packet]);
}

/** Capabilities that equal the defaults of MQTT 5. Some clients show them to their users. */
const defaultCapabilities = {
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifiersAvailable: true,
  sharedSubscriptionAvailable: true,
};

/** Encodes the first packet that is not larger than the client's Maximum Packet Size. */
function firstThatFits(packetBytesMax: number, packets: readonly Packet[]): Buffer | null {
  for (const packet of packets) {
    const bytes = generate(packet, { protocolVersion: 5 });
    if (bytes.length <= packetBytesMax) return bytes;
  }
  return null;
}

/** Why the broker rejects or disconnects an MQTT 5 client. */
export interface ErrorDetails {
  readonly reasonCode: number;
  /** Reason String: a text for the client's log. */
  readonly reasonString?: string | undefined;
  readonly serverReference?: string | undefined;
}

/**
 * Encodes CONNACK or DISCONNECT with its optional properties. Leaves out the Reason String, then the Server
 * Reference, if the packet is too large otherwise ([5.0 MQTT-3.2.2-19], [5.0 MQTT-3.14.2-3]).
 */
function encodeError(
  base: IConnackPacket | IDisconnectPacket,
  { reasonString, serverReference }: ErrorDetails,
  packetBytesMax: number,
): Buffer | null {
  const reference = serverReference === undefined ? {} : { serverReference };
  const reason = reasonString === undefined ? {} : { reasonString };
  return firstThatFits(packetBytesMax, [
    { ...base, properties: { ...reference, ...reason } },
    { ...base, properties: reference },
    base,
  ]);
}

/**
 * Encodes a CONNACK that rejects the client. Returns null for MQTT 3.1.1 when no return code matches the
 * reason code: the server closes such a connection without CONNACK. Also returns null if CONNACK is larger than
 * the client's Maximum Packet Size.
 */
export function encodeConnackRefusal(
  version: ProtocolVersion,
  details: ErrorDetails,
  packetBytesMax: number,
): Buffer | null {
  const { reasonCode } = details;
  if (version === 5) {
    return encodeError({ cmd: 'connack', sessionPresent: false, reasonCode }, details, packetBytesMax);
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
    case reasonCodes.serverBusy:
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

/** Encodes an MQTT 5 DISCONNECT. Returns null if it is larger than the client's Maximum Packet Size. */
export function encodeDisconnect(details: ErrorDetails, packetBytesMax: number): Buffer | null {
  return encodeError({ cmd: 'disconnect', reasonCode: details.reasonCode }, details, packetBytesMax);
}
