import type { ClientInput, LinkDefinition } from '@mqtt-cluster/contracts';
import type { Packet } from 'mqtt-packet';
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
