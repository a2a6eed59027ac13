import { randomUUID } from 'node:crypto';
import type { ClientId, ConnectRequest } from '@mqtt-cluster/contracts';
import type { BrokerContext } from '../context.ts';
import type { BrokerLimits, Credentials } from '../options.ts';
import type { ConnectPacket } from '../codec/decode-connect.ts';
import { reasonCodes } from '../codec/reason-codes.ts';

const sessionNeverExpires = 0xffffffff;
const receiveMaximumDefault = 65_535;

/** @returns the reason code to refuse a well-formed CONNECT with, or null. */
export function connectFault(packet: ConnectPacket, context: BrokerContext): number | null {
  const { limits } = context;
  if (packet.client.length === 0 && packet.version < 5 && !packet.clean) {
    return reasonCodes.clientIdentifierNotValid; // [MQTT-3.1.3-8]
  }
  if (Buffer.byteLength(packet.client) > limits.clientIdBytesMax) return reasonCodes.clientIdentifierNotValid;
  return busyFault(packet, context);
}

/** A full or overloaded member: MQTT 5 clients hear where they are better off, if that is known. */
function busyFault(packet: ConnectPacket, { limits, clients, options }: BrokerContext): number | null {
  const full = clients() >= limits.clientsMax;
  const admission = options.admission?.() ?? 'all';
  if (!full && admission === 'all') return null;
  if (packet.version === 5 && options.serverReference?.() !== undefined) return reasonCodes.useAnotherServer;
  if (full) return reasonCodes.quotaExceeded;
  return admission === 'refuse' ? reasonCodes.serverUnavailable : null;
}

/** The client's id, or a new one for who has none [MQTT-3.1.3-6]. */
export function clientIdOf(packet: ConnectPacket): ClientId {
  return packet.client.length > 0 ? packet.client : `assigned-${randomUUID()}`;
}

/** Seconds, where the server shortens what the client asked for (MQTT 5, 3.2.2.3.14). */
export function serverKeepAlive(packet: ConnectPacket, limits: BrokerLimits): number | undefined {
  const most = limits.keepAliveSecondsMax;
  const tooLong = packet.keepAlive === 0 || packet.keepAlive > most;
  return most > 0 && packet.version === 5 && tooLong ? most : undefined;
}

/** A check that fails to answer counts as no. */
export async function mayConnect(
  packet: ConnectPacket,
  client: ClientId,
  address: string,
  context: BrokerContext,
): Promise<boolean> {
  const { authenticate } = context.options;
  if (!authenticate) return true;
  try {
    return await authenticate(credentialsOf(packet, client, address));
  } catch (error) {
    context.logger.warn({ error: String(error) }, 'authentication failed to answer');
    return false;
  }
}

export function credentialsOf(packet: ConnectPacket, client: ClientId, address: string): Credentials {
  return {
    client,
    address,
    ...(packet.userName !== undefined && { userName: packet.userName }),
    ...(packet.password && { password: packet.password }),
  };
}

export function connectRequest(packet: ConnectPacket, client: ClientId): ConnectRequest {
  return {
    client,
    clean: packet.clean,
    sessionExpirySeconds: sessionExpirySeconds(packet),
    receiveMaximum: packet.properties.receiveMaximum ?? receiveMaximumDefault,
    ...(packet.will && { will: packet.will }),
  };
}

/**
 * Seconds the session outlives the connection: MQTT 5, 3.1.2.11.2; MQTT 3.1.1 knows only none and for
 * ever.
 */
function sessionExpirySeconds(packet: ConnectPacket): number {
  if (packet.version === 5) return packet.properties.sessionExpiryInterval ?? 0;
  return packet.clean ? 0 : sessionNeverExpires;
}
