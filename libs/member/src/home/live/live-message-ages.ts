import type { HelloMessage, MemberId } from '@mqtt-cluster/contracts';

/**
 * Upper bound of the estimated age of a live message, ms. Older messages are dropped: the link was stalled,
 * and clients may have received the messages at another home.
 */
const liveAgeMsMax = 1_000;
/**
 * Window of the minimum filter, ms. The reference is the message of the last one or two windows with the
 * shortest transmission time. With a shorter window the filter treats a link that was stalled for the whole
 * window as a slow link. A longer window drops the messages of a peer whose clock stood still (a suspended or
 * migrated virtual machine) for longer than the ten seconds of P7.
 */
const windowMs = 5_000;

type PeerRun = Pick<HelloMessage, 'storeId' | 'incarnation'>;
type Sent = { readonly sentAtMs?: number };

interface ClockOffset {
  /**
   * Store id of the peer. Together with the incarnation it identifies one run of the peer's monotonic clock.
   */
  readonly storeId: string;
  readonly incarnation: number;
  windowStartMs: number;
  /** Smallest difference between receive and send time in this window, ms. */
  leastMs: number;
  earlierLeastMs: number;
}

/**
 * Estimates the age of live messages. The clocks of two members differ by an unknown offset. The message with
 * the smallest difference between receive time and send time gives this offset, plus the transmission time of
 * that message. The estimated age of any other message is the amount by which its difference is larger.
 *
 * Without the estimate a client could receive a message twice: at its former home, and again at its new home
 * when a stalled link recovers. QoS 0 means at most once (MQTT 3.1.1, 4.3.1).
 */
export class LiveMessageAges {
  readonly #offsets = new Map<MemberId, ClockOffset>();

  /** Uses the send time of a hello message as a sample. */
  observe(from: MemberId, { storeId, incarnation, sentAtMs }: Sent & PeerRun, nowMs: number): void {
    if (sentAtMs === undefined) return;
    const known = this.#offsets.get(from);
    if (known?.storeId === storeId && known.incarnation === incarnation)
      return measure(known, nowMs - sentAtMs, nowMs);
    const leastMs = nowMs - sentAtMs;
    this.#offsets.set(from, { storeId, incarnation, windowStartMs: nowMs, leastMs, earlierLeastMs: leastMs });
  }

  /**
   * Returns the time at which a peer sent a message, on this member's clock. The estimate is never too early.
   * Returns the current time for a peer of an older version, which sends no time.
   *
   * @returns null when the message is too old or comes from another incarnation of the peer
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
