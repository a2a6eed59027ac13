/** Durations that are kept. */
const size = 512;
/** Durations that are older are not returned, ms. */
const ageMsMax = 15_000;

/** The last durations of one kind, in a ring of fixed size. */
export class RecentDurations {
  readonly #now: () => number;
  readonly #durations = new Float64Array(size);
  readonly #times = new Float64Array(size).fill(-Infinity);
  #next = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(durationMs: number): void {
    this.#durations[this.#next] = durationMs;
    this.#times[this.#next] = this.#now();
    this.#next = (this.#next + 1) % size;
  }

  /** Returns the durations of the last 15 s, at most 512. */
  values(): number[] {
    const sinceMs = this.#now() - ageMsMax;
    return [...this.#durations].filter((_, index) => this.#times[index]! >= sinceMs);
  }
}
