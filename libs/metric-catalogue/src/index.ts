export * from './catalogue.ts';
export { metricsDocument } from './document.ts';
export { MetricTotals } from './metric-totals.ts';
export { noMetrics } from './metrics.ts';
export type { MetricDefinition, Metrics, MetricType } from './metrics.ts';
