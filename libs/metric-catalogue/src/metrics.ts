export type MetricType = 'counter' | 'gauge' | 'histogram';

/** One line of the catalogue. Names follow Prometheus' conventions; labels never hold client ids or topics. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  /** Histograms: upper bounds in the metric's unit. */
  readonly buckets?: readonly number[];
}

/** Counts and measures; passed in, never imported. Label values in the order of the definition's labels. */
export interface Metrics {
  add(metric: MetricDefinition, labels: readonly string[], amount?: number): void;
  set(metric: MetricDefinition, labels: readonly string[], value: number): void;
  observe(metric: MetricDefinition, labels: readonly string[], value: number): void;
  /** What these labels stand for is no more, or no longer known here. */
  remove(metric: MetricDefinition, labels: readonly string[]): void;
}

export const noMetrics: Metrics = { add() {}, set() {}, observe() {}, remove() {} };
