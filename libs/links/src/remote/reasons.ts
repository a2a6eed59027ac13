import type { IConnackPacket } from 'mqtt-packet';
import { webSocketMessageBytesMax } from './packet-frames.ts';

/** The return code of a broker that does not accept the protocol level of a CONNECT. */
export const unacceptableProtocolVersion = 1;
/** Return codes of 3.1.1 CONNACK (3.2.2.3). */
const returnCodes: Readonly<Record<number, string>> = {
  [unacceptableProtocolVersion]: 'it does not accept this version of MQTT',
  2: 'it does not accept the client id',
  3: 'it is unavailable',
  4: 'the user name or password is wrong',
  5: 'the user is not authorized',
};

/** Reason codes of MQTT 5 from this value on mean a failure. */
export const failureCodeMin = 0x80;
/**
 * Reason codes that stay the same for a message: not authorized, Topic Name invalid, Packet too large, Payload format
 * invalid. After another one, the link sends the message again: a broker answers 0x97 while it is overloaded.
 */
export const finalRefusals: ReadonlySet<number> = new Set([0x87, 0x90, 0x95, 0x99]);

/** Reason codes of MQTT 5 (2.4). */
const reasonCodes: Readonly<Record<number, string>> = {
  0x80: 'unspecified error',
  0x81: 'malformed packet',
  0x82: 'protocol error',
  0x83: 'implementation specific error',
  0x84: 'it does not accept this version of MQTT',
  0x85: 'it does not accept the client id',
  0x86: 'the user name or password is wrong',
  0x87: 'the user is not authorized',
  0x88: 'it is unavailable',
  0x89: 'it is busy',
  0x8a: 'the client is banned',
  0x8b: 'it shuts down',
  0x8c: 'it does not accept the authentication method',
  0x8d: 'keep alive timeout',
  0x8e: 'another connection with the same client id has taken over the session',
  0x8f: 'it does not accept the topic filter',
  0x90: 'it does not accept the topic name',
  0x93: 'its receive maximum was exceeded',
  0x95: 'the packet is too large',
  0x96: 'the message rate is too high',
  0x97: 'a quota was exceeded',
  0x98: 'an administrative action',
  0x99: 'it does not accept the payload format',
  0x9a: 'it does not support RETAIN',
  0x9b: 'it does not support this QoS',
  0x9c: 'the client should use another server',
  0x9d: 'the server has moved',
  0x9f: 'the rate of connections is too high',
  0xa1: 'it does not support subscription identifiers',
  0xa2: 'it does not support wildcards',
};

/** Returns a reason code of MQTT 5 in words. */
export function reasonText(code: number): string {
  return reasonCodes[code] ?? `reason code 0x${code.toString(16)}`;
}

/** Returns why the other broker refused CONNECT, or null if it accepted. */
export function refusalOf({ returnCode, reasonCode }: IConnackPacket): string | null {
  if (reasonCode !== undefined && reasonCode !== 0) return reasonText(reasonCode);
  if (returnCode !== undefined && returnCode !== 0)
    return returnCodes[returnCode] ?? `return code ${returnCode}`;
  return null;
}

/** Returns why a connection failed, in one sentence without a stack. */
export function failureText(error: unknown): string {
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: readonly Error[] };
  if (code === 'ECONNREFUSED') return 'the connection was refused: nothing listens at the address';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the name of the host is unknown';
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return 'the host is unreachable';
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
    return (
      `the other broker sent a WebSocket message of more than ${webSocketMessageBytesMax} bytes; ` +
      'a link over mqtt or mqtts skips such a message'
    );
  if (code === 'ECONNRESET') return 'the other broker reset the connection';
  // A failed attempt at several addresses of a host has an error for each of them, and no message.
  const text = message === '' && errors !== undefined ? (errors[0]?.message ?? '') : message;
  return text === '' ? 'the connection failed' : text;
}
