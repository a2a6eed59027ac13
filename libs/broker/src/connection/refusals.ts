import type { RefusalReason } from '@mqtt-cluster/contracts';
import { generate } from 'mqtt-packet';
import type { IConnackPacket } from 'mqtt-packet';
import type { ProtocolVersion } from '../codec/decode-connect.ts';
import { reasonCodes } from '../codec/reason-codes.ts';

/** CONNACK's reason code (MQTT 5, 3.2.2.2) for a client that the member doesn't take. */
export function connackReason(reason: RefusalReason): number {
  switch (reason) {
    case 'isolated':
    case 'draining':
      return reasonCodes.useAnotherServer;
    case 'quotaExceeded':
      return reasonCodes.quotaExceeded;
    default:
      return reasonCodes.serverUnavailable;
  }
}

/** DISCONNECT's reason code (MQTT 5, 3.14.2.1) for a client that the member cuts off. */
export function disconnectReason(reason: RefusalReason): number {
  switch (reason) {
    case 'takenOver':
      return reasonCodes.sessionTakenOver;
    case 'isolated':
    case 'draining':
      return reasonCodes.useAnotherServer;
    case 'protocolError':
      return reasonCodes.protocolError;
    case 'receiveMaximumExceeded':
      return reasonCodes.receiveMaximumExceeded;
    case 'quotaExceeded':
    case 'slowConsumer':
      return reasonCodes.quotaExceeded;
    default:
      return reasonCodes.unspecified;
  }
}

/** MQTT 3.1.1's return codes (table 3.1); the connection of what has none is closed without CONNACK. */
function returnCode(reasonCode: number): number | null {
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

/** @returns null when this version has no answer for it. */
export function refusingConnack(
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
  const code = returnCode(reasonCode);
  return code === null ? null : Buffer.from([0x20, 2, 0, code]);
}

/** The level is above 5: a later MQTT, whose CONNACK presumably begins like that of MQTT 5. */
const levelOfMqtt5 = 5;
const bridgeBit = 0x80;

export function unsupportedLevelConnack(level: number): Buffer {
  return level > levelOfMqtt5 && (level & bridgeBit) === 0
    ? Buffer.from([0x20, 3, 0, reasonCodes.unsupportedProtocolVersion, 0])
    : Buffer.from([0x20, 2, 0, 1]); // [MQTT-3.1.2-2]
}

export function disconnectPacket(reasonCode: number, serverReference: string | undefined): Buffer {
  const redirect = serverReference !== undefined && reasonCode === reasonCodes.useAnotherServer;
  return generate(
    { cmd: 'disconnect', reasonCode, ...(redirect && { properties: { serverReference } }) },
    { protocolVersion: 5 },
  );
}
