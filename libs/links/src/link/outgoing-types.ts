import type { ClientInput, LinkDefinition, QoS } from '@mqtt-cluster/contracts';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import type { LinkCounters } from '../types.ts';
import type { After } from './back-off.ts';

export interface OutgoingOptions {
  readonly definition: LinkDefinition;
  /** The mark of this link in the messages that pass it. */
  readonly mark: string;
  /** Client id whose messages the link has received from the other broker. */
  readonly echoOf: string;
  readonly counters: LinkCounters;
  /** Passes an acknowledgement of the other broker to the session of the cluster. */
  readonly acknowledge: (input: ClientInput) => void;
  /** Sends a packet to the other broker. */
  readonly send: (packet: Packet) => void;
  readonly isSlow: () => boolean;
  readonly onFault: (text: string) => void;
  readonly now: () => number;
  readonly after: After;
}

/**
 * The exchange with the other broker. `waiting`: not sent on this connection. `sent`: PUBLISH is sent. `received`: it has
 * answered PUBREC. `released`: PUBREL is sent.
 */
type Phase = 'waiting' | 'sent' | 'received' | 'released';

/** The exchange of QoS 2 with the cluster. `received`: PUBREC is with the cluster. `released`: the cluster has sent PUBREL. */
type LocalPhase = 'open' | 'received' | 'released';

/** One message that the other broker has not acknowledged. */
export interface Pending {
  readonly packetId: number;
  /** The QoS of the exchange with the cluster. */
  readonly localQos: QoS;
  /** Null: this process has only the PUBREL of the exchange. */
  readonly packet: IPublishPacket | null;
  readonly sinceMs: number;
  phase: Phase;
  localPhase: LocalPhase;
  /** Refusals of the other broker for a reason that may pass. */
  refusals: number;
  /** True if this process or the one before it may have sent the message. */
  wasSent: boolean;
}
