import type { MemberId } from './ids.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { LinkState, Outgoing } from './member.ts';
import type { PeerMessage } from './peer-message.ts';

/** Callbacks of a bridge. */
export interface BridgeHandlers {
  /** A message of a peer. The bridge has rejected every frame that is not valid. */
  onMessage(from: MemberId, message: PeerMessage): void;
  /** The state of the link to a peer changed. */
  onLink(peer: MemberId, state: LinkState): void;
}

/** Counters of the link to one peer, since the start of the bridge. */
export interface BridgeCounters {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Received frames that were not valid. */
  readonly framesRefused: number;
  /** Messages of the `live` channel that were dropped at a bound. */
  readonly liveDropped: number;
  /** Bytes waiting to be sent. */
  readonly backlogBytes: number;
  /** Duration of the last round trip in ms, or null before the first round trip. */
  readonly roundTripMs: number | null;
}

/**
 * Carries peer messages between members. Delivery is best effort, in order per channel and connection; the
 * member repeats lost messages. The bridge never blocks, and its memory is bounded. Beyond the bounds of a
 * peer it drops `live` messages first (counted), then all messages to the peer until the backlog drains.
 */
export interface Bridge extends Lifecycle {
  send(outgoing: readonly Outgoing[]): void;
  counters(): Readonly<Record<MemberId, BridgeCounters>>;
}
