import type { ClockRecord } from '@mqtt-cluster/contracts';

/** A record is replaced when the wall clock has moved against cluster time by this much. */
const driftMs = 100;
/** A record is replaced at this age, so that a wall clock that is set back loses little time. */
const ageMsMax = 30_000;

/** Interval of the checks, ms. A step of the wall clock between the last check and a stop gives a wrong estimate. */
const checkMs = 1_000;
/** Interval of the checks until the first record of a process, ms. Without a record the time of a stop is lost. */
const firstCheckMs = 50;

/** Decides when the host of a member replaces the clock record. The host asks every `checkMs`. */
export class ClockRecorder {
  #saved: ClockRecord | null = null;

  /** Whether this process has a record, so that the checks follow each other once a second. */
  get hasRecord(): boolean {
    return this.#saved !== null;
  }

  /** Time until the next check, ms. */
  get checkMs(): number {
    return this.#saved === null ? firstCheckMs : checkMs;
  }

  /** @returns the record to save, or null while the saved one is good enough */
  due(clusterTimeMs: number | null, wallMs: number): ClockRecord | null {
    if (clusterTimeMs === null) return null;
    const saved = this.#saved;
    const ageMs = saved === null ? Infinity : clusterTimeMs - saved.clusterTimeMs;
    const hasDrifted = saved !== null && Math.abs(wallMs - saved.wallMs - ageMs) >= driftMs;
    if (ageMs < ageMsMax && !hasDrifted) return null;
    this.#saved = { clusterTimeMs, wallMs };
    return this.#saved;
  }
}
