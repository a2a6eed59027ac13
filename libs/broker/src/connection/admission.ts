import { randomUUID } from 'node:crypto';
import { isReservedClientId } from '@mqtt-cluster/contracts';
import type {
  AuthenticationResult,
  ClientId,
  ConnectionAccess,
  ConnectRequest,
  Credentials,
  Identity,
} from '@mqtt-cluster/contracts';
import type { ConnectPacket } from '../codec/decode-connect.ts';
import { isBridgeStateTopic } from '../codec/topic-validation.ts';
import { reasonCodes } from '../codec/reason-codes.ts';
import type { BrokerContext } from '../context.ts';
import type { ConnectionOrigin } from '../listeners/options.ts';
import type { BrokerLimits } from '../options.ts';

const sessionNeverExpires = 0xffffffff;
/** Receive Maximum of a client that sets none (MQTT 5, 3.1.2.11.3). */
export const receiveMaximumDefault = 65_535;

/** Checks a well-formed CONNECT. Returns the reason code that rejects it, or null to accept it. */
export function connectFault(
  packet: ConnectPacket,
  origin: ConnectionOrigin,
  context: BrokerContext,
): number | null {
  const { limits } = context;
  if (packet.client.length === 0 && (packet.version === 3 || (packet.version === 4 && !packet.clean))) {
    return reasonCodes.clientIdentifierNotValid; // [MQTT-3.1.3-8]
  }
  if (Buffer.byteLength(packet.client) > limits.clientIdBytesMax) return reasonCodes.clientIdentifierNotValid;
  // Only members open these sessions, inside their process.
  if (isReservedClientId(packet.client)) return reasonCodes.clientIdentifierNotValid; // [MQTT-3.1.3-8]
  return capacityFault(packet, origin, context);
}

/**
 * Rejects or redirects a client when the member is overloaded or has too little memory. A client of a full member
 * is redirected here, and rejected after its authentication: it may have a right to the place of another client.
 */
function capacityFault(
  packet: ConnectPacket,
  { kind }: ConnectionOrigin,
  { clientLimits, options }: BrokerContext,
): number | null {
  const { clientsFull, refusesClients } = clientLimits;
  const admission = options.admission?.() ?? 'all';
  if (!clientsFull && !refusesClients && admission === 'all') return null;
  if (packet.version === 5 && options.serverReference?.(kind) !== undefined)
    return reasonCodes.useAnotherServer;
  if (refusesClients) return reasonCodes.quotaExceeded;
  return admission === 'refuse' ? reasonCodes.serverUnavailable : null;
}

/** Returns the client identifier of CONNECT, or assigns a new one if it is empty [MQTT-3.1.3-6]. */
export function clientIdOf(packet: ConnectPacket): ClientId {
  return packet.client.length > 0 ? packet.client : `assigned-${randomUUID()}`;
}

/** Returns Server Keep Alive in seconds (MQTT 5, 3.2.2.3.14), or undefined to use the client's keep-alive. */
export function serverKeepAlive(packet: ConnectPacket, limits: BrokerLimits): number | undefined {
  const most = limits.keepAliveSecondsMax;
  const tooLong = packet.keepAlive === 0 || packet.keepAlive > most;
  return most > 0 && packet.version === 5 && tooLong ? most : undefined;
}

/**
 * Authenticates the client. Without an authenticator, each client is accepted as an anonymous one. An authenticator that
 * fails with an error rejects this client only.
 */
export async function authenticate(
  packet: ConnectPacket,
  client: ClientId,
  origin: ConnectionOrigin,
  context: BrokerContext,
): Promise<AuthenticationResult> {
  const authenticator = origin.authenticator ?? context.options.authenticator;
  if (!authenticator) return { accepted: true, subject: { identity: anonymousIdentity(client, origin) } };
  try {
    return await authenticator.authenticate(credentialsOf(packet, client, origin));
  } catch (error) {
    context.logger.error(
      { client, address: origin.address, error: String(error) },
      'Client rejected: the authentication failed with an error',
    );
    return { accepted: false, reason: 'unavailable' };
  }
}

export function anonymousIdentity(client: ClientId, { address, listener }: ConnectionOrigin): Identity {
  return { source: 'anonymous', groups: [], client, address, listener };
}

/** Returns the CONNACK reason code for a client that is not authenticated. */
export function authenticationFault(
  packet: ConnectPacket,
  reason: Extract<AuthenticationResult, { accepted: false }>['reason'],
): number {
  if (reason === 'busy') return reasonCodes.serverBusy;
  if (reason === 'unavailable') return reasonCodes.serverUnavailable;
  const presented = packet.userName !== undefined || packet.password !== undefined;
  return presented ? reasonCodes.badUserNameOrPassword : reasonCodes.notAuthorized;
}

function credentialsOf(
  packet: ConnectPacket,
  client: ClientId,
  { address, listener, certificate }: ConnectionOrigin,
): Credentials {
  return {
    client,
    address,
    listener,
    ...(packet.userName !== undefined && { userName: packet.userName }),
    ...(packet.password && { password: packet.password }),
    ...(certificate && { certificate }),
  };
}

export function connectRequest(
  packet: ConnectPacket,
  client: ClientId,
  limits: BrokerLimits,
  access: ConnectionAccess,
): ConnectRequest {
  return {
    client,
    clean: packet.clean,
    sessionExpirySeconds: sessionExpirySeconds(packet, limits),
    receiveMaximum: packet.properties.receiveMaximum ?? receiveMaximumDefault,
    ...(packet.will && { will: packet.will }),
    ...(packet.version === 5 && { reportsNoSubscribers: true }),
    access,
  };
}

/**
 * Returns how long the session outlives the connection, in seconds (MQTT 5, 3.1.2.11.2). A session of
 * MQTT 3.1.1 ends with the connection or never expires.
 */
export function sessionExpirySeconds(packet: ConnectPacket, limits: BrokerLimits): number {
  if (packet.version === 5) {
    return bridgeSessionExpiry(packet, limits) ?? packet.properties.sessionExpiryInterval ?? 0;
  }
  return packet.clean ? 0 : sessionNeverExpires;
}

/**
 * Returns the Session Expiry Interval of an MQTT 5 bridge that resumes its session but asks for none, in
 * seconds; undefined for all other clients. The bridges of Mosquitto cannot state an interval. With 0, the
 * session would end with each connection, and the messages meanwhile would be lost. CONNACK announces the
 * interval (MQTT 5, 3.2.2.3.2).
 */
export function bridgeSessionExpiry(packet: ConnectPacket, limits: BrokerLimits): number | undefined {
  const { version, clean, properties, will } = packet;
  if (version < 5 || clean || properties.sessionExpiryInterval !== undefined) return undefined;
  return will !== undefined && isBridgeStateTopic(will.topic) ? limits.bridgeSessionExpirySeconds : undefined;
}
