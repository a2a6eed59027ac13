import type { ClientId, QoS } from '@mqtt-cluster/contracts';
import type { ConnectPacket } from '../codec/decode-connect.ts';
import type { BrokerLimits } from '../options.ts';
import { receiveMaximumDefault, serverKeepAlive, sessionExpirySeconds } from './admission.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Outbound } from './outbound.ts';

/** One connected client of this member. */
export interface ConnectionInfo {
  readonly client: ClientId;
  readonly protocol: '3.1' | '3.1.1' | '5.0';
  /** IP address without port; null if it is unknown. */
  readonly address: string | null;
  readonly user: string | null;
  readonly listener: string;
  /** Keep-alive in force, seconds; 0 disables it. */
  readonly keepAliveSeconds: number;
  /** Unix time, ms. */
  readonly connectedSinceMs: number;
  readonly clean: boolean;
  /** Session Expiry Interval that is in force, seconds; 0xffffffff never expires. */
  readonly expirySeconds: number;
  /** Receive Maximum of the client. */
  readonly receiveMaximum: number;
  readonly will: {
    readonly topic: string;
    readonly qos: QoS;
    readonly retain: boolean;
    readonly delaySeconds: number;
    readonly payloadBytes: number;
  } | null;
  /** Deliveries on this connection that the client has not acknowledged. */
  readonly inFlight: number;
  /** Deliveries that the guard skipped: no rule permits the topic, or the packet is too large for the client. */
  readonly dropped: number;
}

const protocols = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const;

/** What remains of CONNECT while the client is connected. The whole packet would keep the password in memory. */
export interface ConnectFacts extends Pick<
  ConnectionInfo,
  'keepAliveSeconds' | 'clean' | 'expirySeconds' | 'receiveMaximum' | 'will'
> {
  readonly isBridge: boolean;
  /** True if CONNECT of an MQTT 5 client has a session expiry interval above 0. */
  readonly sessionOutlivesConnection: boolean;
}

/** @param grantedExpirySeconds the Session Expiry Interval that the member granted instead of the requested one */
export function connectFacts(
  packet: ConnectPacket,
  limits: BrokerLimits,
  grantedExpirySeconds: number | undefined,
): ConnectFacts {
  const { clean, isBridge, properties, will } = packet;
  return {
    clean,
    isBridge,
    keepAliveSeconds: serverKeepAlive(packet, limits) ?? packet.keepAlive,
    sessionOutlivesConnection: (properties.sessionExpiryInterval ?? 0) > 0,
    expirySeconds: grantedExpirySeconds ?? sessionExpirySeconds(packet, limits),
    receiveMaximum: properties.receiveMaximum ?? receiveMaximumDefault,
    will: will
      ? {
          topic: will.topic,
          qos: will.qos,
          retain: will.retain,
          delaySeconds: will.delaySeconds,
          payloadBytes: will.payload.length,
        }
      : null,
  };
}

export function connectionInfo(
  lifecycle: Lifecycle,
  outbound: Outbound,
  facts: ConnectFacts,
): ConnectionInfo {
  const { keepAliveSeconds, clean, expirySeconds, receiveMaximum, will } = facts;
  return {
    client: lifecycle.client,
    protocol: protocols[lifecycle.version],
    address: lifecycle.address === '' ? null : lifecycle.address,
    user: lifecycle.user ?? null,
    listener: lifecycle.origin.listener,
    connectedSinceMs: lifecycle.connectedSinceMs,
    keepAliveSeconds,
    clean,
    expirySeconds,
    receiveMaximum,
    will,
    inFlight: outbound.inFlight,
    dropped: outbound.skipped,
  };
}
