import type { Probe } from '../history/events.ts';

/**
 * A request may wait for this many wake-ups of processes and syncs of disks: client, home, leader and follower and
 * back, and two disks one after another; all twice, because an election or a retry may be among them.
 */
const wakesMax = 12;
const syncsMax = 4;

/**
 * Processor time that a leader may need for itself while it brings followers up to date. A busy machine delays a
 * computing process by the number of runnable threads.
 */
const computingMsMax = 150;

/** From this delay on no time is judged: other processes may have been woken later than the recording one. */
const starvedMsMin = 6_000;

/**
 * How long a request may have waited for the machine, whatever the target did. The source is the probes of the
 * recording process, not the target's answers, so a target that serves no client is not excused by its own silence.
 */
export class HostLoad {
  readonly #probes: readonly Probe[];

  constructor(probes: readonly Probe[]) {
    this.#probes = probes;
  }

  /** A history without probes says nothing about the machine. */
  get isKnown(): boolean {
    return this.#probes.length > 0;
  }

  /** The machine was so busy in this interval that times can't be judged. */
  isStarved(fromMs: number, toMs: number): boolean {
    return this.longest(fromMs, toMs) >= starvedMsMin;
  }

  /** @returns the longest delay of one request in this interval, ms */
  longest(fromMs: number, toMs: number): number {
    let longest = 0;
    // The first probe after the interval still describes the time before it.
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
