import type { DeliverEffect, Message, QoS } from '@mqtt-cluster/contracts';
import type { IPublishPacket } from 'mqtt-packet';
import { MessageLifetime } from './message-lifetime.ts';

/**
 * The exchange with the other broker. `waiting`: not sent on this connection. `sent`: PUBLISH is sent. `received`: it has
 * answered PUBREC. `released`: PUBREL is sent. `aside`: it does not get the message, and the cluster has no copy yet.
 */
type Phase = 'waiting' | 'sent' | 'received' | 'released' | 'aside';

/** The exchange of QoS 2 with the cluster. `received`: PUBREC is with the cluster. `released`: the cluster has sent PUBREL. */
type LocalPhase = 'open' | 'received' | 'released';

/** One message that the other broker has not acknowledged. */
export interface Pending {
  readonly packetId: number;
  /** The QoS of the exchange with the cluster. */
  readonly localQos: QoS;
  /** Null: this process has only the PUBREL of the exchange. */
  readonly packet: IPublishPacket | null;
  /** The message in the cluster. Null as `packet`. */
  readonly message: Message | null;
  readonly sinceMs: number;
  readonly lifetime: MessageLifetime;
  phase: Phase;
  localPhase: LocalPhase;
  /** Refusals of the other broker for a reason that may pass. */
  refusals: number;
  /** True if this process or the one before it may have sent the message. */
  wasSent: boolean;
}

/** A message that the cluster has delivered. */
export function deliveredPending(effect: DeliverEffect, packet: IPublishPacket, nowMs: number): Pending {
  return {
    packetId: effect.packetId,
    localQos: effect.qos,
    packet,
    message: effect.message,
    sinceMs: nowMs,
    lifetime: new MessageLifetime(effect, nowMs),
    phase: 'waiting',
    localPhase: 'open',
    refusals: 0,
    wasSent: effect.dup,
  };
}

/** A QoS 2 exchange of which the cluster has sent PUBREL, and whose PUBLISH another member has sent. */
export function releasedPending(packetId: number, nowMs: number): Pending {
  return {
    packetId,
    localQos: 2,
    packet: null,
    message: null,
    sinceMs: nowMs,
    lifetime: new MessageLifetime({}, nowMs),
    phase: 'received',
    localPhase: 'received',
    refusals: 0,
    wasSent: true,
  };
}
