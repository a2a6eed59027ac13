import { MetricTotals, publisherMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { GroupStatus } from './types.ts';

const failures = ['skipped', 'refused', 'unknown'] as const;

/** Copies the counters of the groups to metrics. */
export class MetricsReporter {
  readonly #metrics: Metrics;
  readonly #totals: MetricTotals;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#totals = new MetricTotals(metrics);
  }

  report(groups: readonly GroupStatus[]): void {
    for (const status of groups) this.#reportGroup(status);
  }

  #reportGroup(status: GroupStatus): void {
    const { group } = status;
    const totals = this.#totals;
    this.#metrics.set(publisherMetrics.active, [group], status.role === 'active' ? 1 : 0);
    this.#metrics.set(publisherMetrics.connected, [group], status.connected ? 1 : 0);
    totals.report(publisherMetrics.tenures, [group], status.tenures);
    totals.report(publisherMetrics.failovers, [group], status.failovers);
    for (const qos of [0, 1, 2] as const) {
      const labels = [group, String(qos)];
      totals.report(publisherMetrics.sent, labels, status.sent[qos]);
      // QoS 0 has no acknowledgement.
      if (qos > 0) totals.report(publisherMetrics.acknowledged, labels, status.acked[qos]);
      for (const outcome of failures) {
        totals.report(publisherMetrics.failed, [...labels, outcome], status[outcome][qos]);
      }
    }
  }
}
