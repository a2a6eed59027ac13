import type { DeliverEffect } from '@mqtt-cluster/contracts';

/**
 * Packet ids of the QoS 1 items of a session: 1 and the number of the item modulo this value (`numberedPacketId` of
 * `libs/member`). Packet ids above it, up to {@link replicatedPacketIdMin}, belong to messages that only the home has.
 */
const lap = 16_384;
export const replicatedPacketIdMin = 32_768;
/** A mark names a quarter of a lap. */
const quarter = lap / 4;
/**
 * Time after which an acknowledgement is in the log before a mark that is proposed then. A home proposes acknowledgements
 * ten times a second, and its proposals keep their order.
 */
const settledMs = 1_000;

/** What is replicated about the numbers: when the link's session began, and the last quarter that may be sent. */
export interface NumberMark {
  /** Random; names the session. */
  readonly start: string;
  readonly quarter: number;
}

/**
 * Gives each QoS 1 item of the link's session a number that is the same at every member that runs the link. A stream drops
 * the repetition of a message by it.
 *
 * The link sees only the packet id of an item, which is its number modulo a lap. The laps are counted from marks in the
 * replicated state. Before an item of a quarter is sent, a mark of this quarter or a later one is in the state. Before the
 * mark of quarter K is, no item of quarter K - 3 or an earlier one is in the queue. So when a session is opened, the first
 * item of its queue is in one of the quarters K - 2 to K + 1, and its packet id says in which.
 */
export class ItemNumbers {
  #mark: NumberMark | null;
  /** Number of the item that the session delivered last on this connection. */
  #last: number | null = null;
  /** Items without an acknowledgement, and the time of the last one, by quarter. */
  readonly #quarters = new Map<number, { open: number; ackedAtMs: number }>();

  /** @param marks the marks in the replicated state */
  constructor(marks: readonly NumberMark[]) {
    this.#mark = marks.toSorted((left, right) => left.quarter - right.quarter).at(-1) ?? null;
  }

  get mark(): NumberMark | null {
    return this.#mark;
  }

  /** Returns whether the replicated state has the item: others have no number and must not be sent. */
  static isNumbered({ packetId }: DeliverEffect): boolean {
    return packetId <= lap;
  }

  /** Returns the number of an item. Items must be given in the order of their delivery. */
  next({ packetId, dup }: DeliverEffect): number {
    const offset = packetId - 1;
    const number = this.#last === null ? this.#first(offset, dup) : after(this.#last, offset);
    this.#last = number;
    const known = this.#quarters.get(quarterOf(number));
    if (known === undefined) this.#quarters.set(quarterOf(number), { open: 1, ackedAtMs: -Infinity });
    else known.open++;
    return number;
  }

  onAcknowledged(number: number, nowMs: number): void {
    const known = this.#quarters.get(quarterOf(number));
    if (known === undefined) return;
    known.open--;
    known.ackedAtMs = nowMs;
  }

  maySend(number: number): boolean {
    return this.#mark !== null && quarterOf(number) <= this.#mark.quarter;
  }

  /** Returns the quarter whose mark should become part of the state now, or null. */
  quarterToMark(nowMs: number): number | null {
    if (this.#last === null) return null;
    const current = quarterOf(this.#last);
    for (const wanted of [current + 1, current])
      if (wanted > (this.#mark?.quarter ?? -1) && this.#isSettledBelow(wanted - 2, nowMs)) return wanted;
    return null;
  }

  /** True while an item waits for a mark that may not be written yet. */
  get isHeld(): boolean {
    return this.#last !== null && !this.maySend(this.#last);
  }

  onMarked(mark: NumberMark): void {
    this.#mark = mark;
  }

  /** The first item of the queue. `dup`: a former runner may have sent it. */
  #first(offset: number, dup: boolean): number {
    if (this.#mark === null) return lap + offset;
    const least = this.#mark.quarter + (dup ? -2 : 1);
    // The number that has this packet id, in the four quarters from the least one on.
    return after(least * quarter - 1, offset);
  }

  #isSettledBelow(bound: number, nowMs: number): boolean {
    for (const [each, { open, ackedAtMs }] of this.#quarters) {
      if (each >= bound) continue;
      if (open > 0 || nowMs - ackedAtMs < settledMs) return false;
      this.#quarters.delete(each);
    }
    return true;
  }
}

function quarterOf(number: number): number {
  return Math.floor(number / quarter);
}

/** Returns the smallest number above `last` that has this offset in its lap. */
function after(last: number, offset: number): number {
  const distance = (offset - ((last + 1) % lap) + lap) % lap;
  return last + 1 + distance;
}
