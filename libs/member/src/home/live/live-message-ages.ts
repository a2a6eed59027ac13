import type { HelloMessage, MemberId } from '@mqtt-cluster/contracts';

/** An older QoS 0 message is dropped: its link was stalled, and its receivers may have heard it elsewhere meanwhile. */
const liveAgeMsMax = 1_000;
/**
 * The fastest message of the last one or two of these is what the others are compared with. Shorter takes a link that is late for
 * so long for one that is always so; longer keeps a peer whose clock stood still with its machine (a guest that was moved or
 * suspended) unheard beyond the ten seconds of P7.
 */
const windowMs = 5_000;

type PeerRun = Pick<HelloMessage, 'storeId' | 'incarnation'>;
type Sent = { readonly sentAtMs?: number };

interface ClockOffset {
  /** Which start of the peer: its clock begins anew with it. */
  readonly storeId: string;
  readonly incarnation: number;
  windowStartMs: number;
  /** Least difference seen between the clocks, in this window and the one before. */
  leastMs: number;
  earlierLeastMs: number;
}

/**
 * How old a peer's QoS 0 messages are. Nobody knows another's clock, but the message that was fastest tells how far the
 * clocks differ, up to its own time on the way; what took longer than that is older by the difference.
 *
 * Without it a message that its receiver has had from a home that is now dead comes again when a stalled link gets going,
 * and QoS 0 means at most once [MQTT-4.3.1-1].
 */
export class LiveMessageAges {
  readonly #offsets = new Map<MemberId, ClockOffset>();

  /** What a peer tells regularly is a measure as good as any. */
  observe(from: MemberId, { storeId, incarnation, sentAtMs }: Sent & PeerRun, nowMs: number): void {
    if (sentAtMs === undefined) return;
    const known = this.#offsets.get(from);
    if (known?.storeId === storeId && known.incarnation === incarnation)
      return measure(known, nowMs - sentAtMs, nowMs);
    const leastMs = nowMs - sentAtMs;
    this.#offsets.set(from, { storeId, incarnation, windowStartMs: nowMs, leastMs, earlierLeastMs: leastMs });
  }

  /**
   * When, by this member's clock, a peer sent this; never earlier than it did. Of an older peer that does not tell: now.
   *
   * @returns null when it is too old, or of a start of the peer that is not the one known
   */
  sentAtMs(
    from: MemberId,
    { storeId, incarnation, sentAtMs }: Sent & Partial<PeerRun>,
    nowMs: number,
  ): number | null {
    if (sentAtMs === undefined) return nowMs;
    const offset = this.#offsets.get(from);
    if (offset === undefined || offset.storeId !== storeId || offset.incarnation !== incarnation) return null;
    const differenceMs = nowMs - sentAtMs;
    measure(offset, differenceMs, nowMs);
    const ageMs = differenceMs - Math.min(offset.leastMs, offset.earlierLeastMs);
    return ageMs > liveAgeMsMax ? null : nowMs - ageMs;
  }
}

function measure(offset: ClockOffset, differenceMs: number, nowMs: number): void {
  if (nowMs - offset.windowStartMs < windowMs) {
    offset.leastMs = Math.min(offset.leastMs, differenceMs);
    return;
  }
  offset.windowStartMs = nowMs;
  offset.earlierLeastMs = offset.leastMs;
  offset.leastMs = differenceMs;
}
