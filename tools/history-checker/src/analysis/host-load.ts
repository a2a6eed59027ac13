import type { ProbeEvent } from '../history/events.ts';

/**
 * Number of process wake-ups for which one request may wait. A request goes from the client over home and
 * leader to a follower and back. The number contains the wake-ups of this path twice, because the request may
 * need a retry or an election.
 */
const wakesMax = 12;
/**
 * Number of disk syncs for which one request may wait. A request waits for two disks one after another. The
 * number contains the syncs of both disks twice, because the request may need a retry or an election.
 */
const syncsMax = 4;

/**
 * Processor time that a leader may need while it brings followers up to date, ms. A busy machine multiplies
 * this time by the number of runnable threads.
 */
const computingMsMax = 150;

/**
 * Smallest delay of the machine at which the checker no longer judges times, ms. The processes of the target
 * may then have waited even longer than the recording process.
 */
const starvedMsMin = 6_000;

/**
 * The delay that the busy machine, not the target, may have added to a request. The delay is computed from
 * the probes of the recording process, not from the target's answers. So a target that serves no client does
 * not extend its own time bounds.
 */
export class HostLoad {
  readonly #probes: readonly ProbeEvent[];

  constructor(probes: readonly ProbeEvent[]) {
    this.#probes = probes;
  }

  /** Whether the history contains probes. Without probes the load of the machine is unknown. */
  get isKnown(): boolean {
    return this.#probes.length > 0;
  }

  /** Whether the machine was so busy in this interval that the checker can't judge times. */
  isStarved(fromMs: number, toMs: number): boolean {
    return this.longest(fromMs, toMs) >= starvedMsMin;
  }

  /** @returns the longest delay that the machine may have added to one request in this interval, ms */
  longest(fromMs: number, toMs: number): number {
    let longest = 0;
    // The first probe after the interval still describes the time before it.
    for (let place = this.#firstFrom(fromMs); place < this.#probes.length; place++) {
      const { at, wakeMs, syncMs, runnable = 0 } = this.#probes[place] as ProbeEvent;
      const sharedMs = computingMsMax * Math.max(0, runnable - 1);
      longest = Math.max(longest, wakesMax * wakeMs + syncsMax * syncMs + sharedMs);
      if (at > toMs) break;
    }
    return longest;
  }

  #firstFrom(atMs: number): number {
    let low = 0;
    let high = this.#probes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#probes[middle] as ProbeEvent).at < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
