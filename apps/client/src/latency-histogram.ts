/** Ratio of the upper bounds of adjacent buckets. Percentiles are at most 5 % too high. */
const growth = 1.05;
const lowestMs = 0.1;
const highestMs = 600_000;
const bucketCount = Math.ceil(Math.log(highestMs / lowestMs) / Math.log(growth)) + 2;

export interface LatencySummary {
  readonly count: number;
  /** 50th percentile in milliseconds. All percentiles are null if there are no values. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

/** A histogram of times in milliseconds that needs a fixed amount of memory. */
export class LatencyHistogram {
  readonly #buckets = new Float64Array(bucketCount);
  #count = 0;
  #maxMs = 0;

  /** Adds one time. A negative time counts as 0, because the clocks of two hosts may differ. */
  observe(milliseconds: number): void {
    const value = Math.max(0, milliseconds);
    const bucket = value <= lowestMs ? 0 : Math.ceil(Math.log(value / lowestMs) / Math.log(growth));
    const index = Math.min(bucketCount - 1, bucket);
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, value);
  }

  summary(): LatencySummary {
    return {
      count: this.#count,
      p50: this.#percentile(0.5),
      p99: this.#percentile(0.99),
      p999: this.#percentile(0.999),
      max: this.#count === 0 ? null : this.#maxMs,
    };
  }

  #percentile(fraction: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.ceil(this.#count * fraction);
    let seen = 0;
    for (const [bucket, count] of this.#buckets.entries()) {
      seen += count;
      if (seen >= rank) return Math.min(this.#maxMs, Math.round(lowestMs * growth ** bucket * 100) / 100);
    }
    return this.#maxMs;
  }
}
