import type { MetricDefinition, Metrics } from './metrics.ts';

/**
 * Converts running totals into increments of counters. A hot path counts in plain fields and reports its totals from
 * time to time; only the increase since the previous report is added to the counter.
 */
export class MetricTotals {
  readonly #metrics: Metrics;
  readonly #reported = new Map<string, number>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Adds the increase of `total` since the previous report of the same metric and labels. */
  report(metric: MetricDefinition, labels: readonly string[], total: number): void {
    const key = keyOf(metric, labels);
    const before = this.#reported.get(key);
    this.#reported.set(key, total);
    // The first report creates the series, at 0 if necessary, so that `rate` sees the first increase.
    if (before === undefined || total > before) this.#metrics.add(metric, labels, total - (before ?? 0));
  }

  /** Removes the series: the total of the next report counts from 0. */
  remove(metric: MetricDefinition, labels: readonly string[]): void {
    this.#reported.delete(keyOf(metric, labels));
    this.#metrics.remove(metric, labels);
  }
}

function keyOf({ name }: MetricDefinition, labels: readonly string[]): string {
  return `${name} ${labels.join(' ')}`;
}
