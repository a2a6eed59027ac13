import type { MetricDefinition, Metrics } from './metrics.ts';

/**
 * Turns totals that a part counts in plain fields, as the hot path wants it, into counters: told now and then, only
 * the difference is added.
 */
export class MetricTotals {
  readonly #metrics: Metrics;
  readonly #told = new Map<string, number>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  tell(metric: MetricDefinition, labels: readonly string[], total: number): void {
    const key = `${metric.name} ${labels.join(' ')}`;
    const before = this.#told.get(key);
    this.#told.set(key, total);
    // The first one also makes the series exist, at 0, so that a rate can be taken of it.
    if (before === undefined || total > before) this.#metrics.add(metric, labels, total - (before ?? 0));
  }
}
