/** Each bucket is this much wider than the one before: percentiles are exact to two per cent. */
const growth = 1.02;
const firstMs = 0.001;
const bucketsMax = 1_100;

/** Milliseconds in buckets of equal ratio; costs a logarithm for each of them. */
export class Latencies {
  readonly #counts = new Float64Array(bucketsMax);
  #total = 0;

  add(milliseconds: number): void {
    const bucket = Math.ceil(Math.log(Math.max(milliseconds, firstMs) / firstMs) / Math.log(growth));
    this.#counts[Math.min(bucket, bucketsMax - 1)]!++;
    this.#total++;
  }

  get count(): number {
    return this.#total;
  }

  /** `share` of 0.5 is the median. @returns null when nothing was added. */
  percentile(share: number): number | null {
    if (this.#total === 0) return null;
    let left = Math.max(1, Math.ceil(this.#total * share));
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return firstMs * growth ** bucket;
    }
    return null;
  }
}
