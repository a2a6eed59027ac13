export type MetricType = 'counter' | 'gauge' | 'histogram';

/** A metric. Its name follows the Prometheus conventions. Its labels never contain client ids or topics. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  /** Histograms only: upper bounds in the unit of the metric. */
  readonly buckets?: readonly number[];
}

/**
 * Records metrics. Components get a `Metrics` as a parameter and never import an implementation. Label values have
 * the order of the labels in the definition.
 */
export interface Metrics {
  add(metric: MetricDefinition, labels: readonly string[], amount?: number): void;
  set(metric: MetricDefinition, labels: readonly string[], value: number): void;
  observe(metric: MetricDefinition, labels: readonly string[], value: number): void;
  /** Removes the series with these labels, for example when the peer in a label is no longer a member. */
  remove(metric: MetricDefinition, labels: readonly string[]): void;
}

/** An implementation of `Metrics` that records nothing. */
export const noMetrics: Metrics = { add() {}, set() {}, observe() {}, remove() {} };
