import { createHistogram } from 'node:perf_hooks';

const unitsPerMs = 1_000;
/** One hour in microseconds. The histogram records longer times as one hour. */
const microsecondsMax = 3_600_000_000;
const significantDigits = 3;

/** A histogram of times in milliseconds, exact to three significant digits (HdrHistogram) and to a microsecond. */
export class LatencyHistogram {
  readonly #microseconds = createHistogram({
    lowest: 1,
    highest: microsecondsMax,
    figures: significantDigits,
  });

  record(milliseconds: number): void {
    const microseconds = Math.round(milliseconds * unitsPerMs);
    this.#microseconds.record(Math.min(Math.max(microseconds, 1), microsecondsMax));
  }

  get count(): number {
    return this.#microseconds.count;
  }

  /** Returns a percentile of the recorded times, ms; null without recorded times. @param share 0 to 1; 0.5 is the median */
  percentile(share: number): number | null {
    if (this.count === 0) return null;
    return this.#microseconds.percentile(share * 100) / unitsPerMs;
  }
}
