export type MetricType = 'counter' | 'gauge' | 'histogram';

/** A metric. Its name follows the Prometheus conventions. Its labels never hold client ids or topics. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  /** Histograms only: upper bounds in the unit of the metric. */
  readonly buckets?: readonly number[];
}

/**
 * Records metrics. Components get it as a parameter and never import an implementation. Label values have the order
 * of the labels in the definition.
 */
export interface Metrics {
  add(metric: MetricDefinition, labels: readonly string[], amount?: number): void;
  set(metric: MetricDefinition, labels: readonly string[], value: number): void;
  observe(metric: MetricDefinition, labels: readonly string[], value: number): void;
  /** Removes the series with these labels, because the thing they name no longer exists or is no longer known. */
  remove(metric: MetricDefinition, labels: readonly string[]): void;
}

/** Records nothing. */
export const noMetrics: Metrics = { add() {}, set() {}, observe() {}, remove() {} };
