import { clusterTimeAt } from '@mqtt-cluster/contracts';
import type { ClockRecord } from '@mqtt-cluster/contracts';

/** A record is replaced when the wall clock has moved against cluster time by this much. */
const driftMs = 100;
/** A record is replaced at this age, so that a wall clock that is set back loses little time. */
const ageMsMax = 30_000;

/** Interval of the checks, ms. A step of the wall clock between the last check and a stop gives a wrong estimate. */
const checkMs = 1_000;
/** Interval of the checks until the first record of a process, ms. Without a record the time of a stop is lost. */
const firstCheckMs = 50;

/**
 * A record of the process before is kept for at most this long while cluster time is behind it, ms. Members that start
 * together report their estimates within this time. After it, the lower time is the cluster's.
 */
const behindMsMax = 5_000;

/** Decides when the host of a member replaces the clock record. The host asks every `checkMs`. */
export class ClockRecorder {
  readonly #recovered: ClockRecord | null;
  #saved: ClockRecord | null = null;
  /** The first cluster time of this process, while it is behind the recovered record. */
  #behindSinceMs: number | null = null;

  /** @param recovered the record of the store when the process started, or null without one */
  constructor(recovered: ClockRecord | null) {
    this.#recovered = recovered;
  }

  /** Whether the store has a record, so that the checks follow each other once a second. */
  get hasRecord(): boolean {
    return this.#saved !== null || this.#recovered !== null;
  }

  /** Time until the next check, ms. */
  get checkMs(): number {
    return this.hasRecord ? checkMs : firstCheckMs;
  }

  /** @returns the record to save, or null while the stored one is good enough */
  due(clusterTimeMs: number | null, wallMs: number): ClockRecord | null {
    if (clusterTimeMs === null) return null;
    const saved = this.#saved;
    if (saved === null && this.#mayMoveForward(clusterTimeMs, wallMs)) return null;
    const ageMs = saved === null ? Infinity : clusterTimeMs - saved.clusterTimeMs;
    const hasDrifted = saved !== null && Math.abs(wallMs - saved.wallMs - ageMs) >= driftMs;
    if (ageMs < ageMsMax && !hasDrifted) return null;
    this.#saved = { clusterTimeMs, wallMs };
    return this.#saved;
  }

  /**
   * Returns whether a new leader may not have the time of the last stop yet, because the estimates of the others arrive
   * later. A record of this time would replace a better one, and after another stop of all members the time of the first
   * one would be lost.
   */
  #mayMoveForward(clusterTimeMs: number, wallMs: number): boolean {
    if (this.#recovered === null || clusterTimeMs >= clusterTimeAt(this.#recovered, wallMs) - driftMs)
      return false;
    this.#behindSinceMs ??= clusterTimeMs;
    return clusterTimeMs - this.#behindSinceMs < behindMsMax;
  }
}
