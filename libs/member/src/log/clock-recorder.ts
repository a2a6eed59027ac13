import type { ClockRecord } from '@mqtt-cluster/contracts';

/** A record is replaced when the wall clock has moved against cluster time by this much. */
const driftMs = 100;
/** A record is replaced at this age, so that a wall clock that is set back loses little time. */
const ageMsMax = 30_000;

/** Decides when the host of a member replaces the clock record. The host asks about once a second. */
export class ClockRecorder {
  #saved: ClockRecord | null = null;

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
