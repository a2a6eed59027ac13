import type { Probe } from '../history/events.ts';

/**
 * From a request to its answer: its home, the leader, a follower and back, each to be woken, and two disks, one after the
 * other. Twice, as an election or a retry may be among them.
 */
const wakesMax = 12;
const syncsMax = 4;

/**
 * What a leader that brings others up to date may need of a core for itself. Who sleeps is woken in time on any machine; who
 * computes shares its core with all who want it.
 */
const computingMsMax = 150;

/** A machine that may add so much leaves nothing to be said about times: others may have been woken later than this process. */
const starvedMsMin = 6_000;

/**
 * How long a request may have waited for this machine alone, whatever the target did: from probes of the recording
 * process, not from the target's answers. A target that serves nobody is not excused by having served nobody.
 */
export class HostLoad {
  readonly #probes: readonly Probe[];

  constructor(probes: readonly Probe[]) {
    this.#probes = probes;
  }

  /** Without probes nothing can be said about a machine. */
  get isKnown(): boolean {
    return this.#probes.length > 0;
  }

  isStarved(fromMs: number, toMs: number): boolean {
    return this.longest(fromMs, toMs) >= starvedMsMin;
  }

  /** The most that was probed in this time, for one request, ms. */
  longest(fromMs: number, toMs: number): number {
    let longest = 0;
    // The first probe after the end still tells of the time before it.
    for (let place = this.#firstFrom(fromMs); place < this.#probes.length; place++) {
      const { at, wakeMs, syncMs, runnable = 0 } = this.#probes[place] as Probe;
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
      if ((this.#probes[middle] as Probe).at < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
