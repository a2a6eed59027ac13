import type { ClientInput, LinkDefinition } from '@mqtt-cluster/contracts';
import type { Packet } from 'mqtt-packet';
import type { LinkCounters } from '../types.ts';
import type { After } from './back-off.ts';
import type { KeptAside } from './kept-aside.ts';

/** What the outgoing half of a link needs, whatever its kind. */
export interface OutgoingBase {
  readonly definition: LinkDefinition;
  /** The mark of this link in the messages that pass it. */
  readonly mark: string;
  /** Client id of the session that publishes the messages of the other end. */
  readonly echoOf: string;
  readonly counters: LinkCounters;
  readonly aside: KeptAside;
  /** Passes an acknowledgement of the other end to the session of the cluster. */
  readonly acknowledge: (input: ClientInput) => void;
  readonly onFault: (text: string) => void;
  readonly now: () => number;
  readonly after: After;
}

export interface OutgoingOptions extends OutgoingBase {
  /** Sends a packet to the other broker. */
  readonly send: (packet: Packet) => void;
  readonly isSlow: () => boolean;
}
