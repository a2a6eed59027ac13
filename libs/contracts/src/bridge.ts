import type { LinkState } from './member.ts';
import type { MemberId } from './ids.ts';
import type { Outgoing } from './member.ts';
import type { PeerMessage } from './peer-message.ts';
import type { Lifecycle } from './lifecycle.ts';

export interface BridgeHandlers {
  /** Frames that are wrong in any way never get here. */
  onMessage(from: MemberId, message: PeerMessage): void;
  onLink(peer: MemberId, state: LinkState): void;
}

export interface BridgeCounters {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly framesRefused: number;
  readonly liveDropped: number;
  /** Bytes waiting to be sent. */
  readonly backlogBytes: number;
  /** Milliseconds of the last round trip, or null before the first. */
  readonly roundTripMs: number | null;
}

/**
 * Carries peer messages between members. Delivery is best effort and in order per channel and connection; what
 * is lost is sent again by the member. Never blocks, never grows without bound: beyond its bounds `live` is
 * dropped first (counted), then everything to that peer until it drains.
 */
export interface Bridge extends Lifecycle {
  send(outgoing: readonly Outgoing[]): void;
  counters(): Readonly<Record<MemberId, BridgeCounters>>;
}
