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
  /** The messages that wait in the queue of the link are not older than this time, ms. -Infinity: their age is unknown. */
  readonly queuedSinceMs: number;
  readonly logger: Logger;
  readonly now: () => number;
  /** The session of the link has ended here: another member runs the link, or this member serves no clients. */
  readonly onEnded: (reason: RefusalReason) => void;
}

export interface StopOptions {
  /**
   * Leaves the session open, so that the next runner takes it over and its queue has the bounds of a connected session
   * until then.
   */
  readonly keepsSession?: boolean;
  /** The definition has changed: the presence at the other broker ends at once, and not after the time of a takeover. */
  readonly endsPresence?: boolean;
}

/** A link at the member that runs it. */
export interface RunningLink {
  readonly phase: LinkPhase;
  /** Why the link does not do all of its work, in one sentence, or null. */
  readonly error: string | null;
  /** Null without a connection. */
  readonly address: string | null;
  /** Time since the cluster delivered the oldest message without an acknowledgement, ms. */
  readonly lagMs: number;
  start(): void;
  /** Ends the connection to the other end. */
  stop(options?: StopOptions): void;
  /** Ends the link after its removal, and deletes its sessions. */
  remove(): void;
}
