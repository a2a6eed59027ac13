import type { LinkDefinition, Logger, RefusalReason } from '@mqtt-cluster/contracts';
import type { LinkCounters, LocalMember } from '../types.ts';

/** State of the link at the member that runs it. */
export type LinkPhase = 'opening' | 'connecting' | 'connected';

export interface LinkOptions {
  readonly name: string;
  readonly definition: LinkDefinition;
  readonly member: LocalMember;
  readonly directory: string;
  readonly packetBytesMax: number;
  /** Name of this cluster's link in the messages that pass it. */
  readonly mark: string;
  readonly counters: LinkCounters;
  readonly logger: Logger;
  readonly now: () => number;
  /** The session of the link has ended here: another member runs the link, or this member serves no clients. */
  readonly onEnded: (reason: RefusalReason) => void;
}
