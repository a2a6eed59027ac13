export * from './bridge.ts';
export * from './client-port.ts';
export * from './cluster-config.ts';
export * from './commands.ts';
export * from './errors.ts';
export * from './ids.ts';
export * from './lifecycle.ts';
export * from './log.ts';
export * from './logger.ts';
export * from './member.ts';
export * from './member-metrics.ts';
export * from './message.ts';
export {
  applianceMetricSections,
  applianceMetrics,
  clientMetricSections,
  clientProgramMetrics,
  metricCatalogue,
} from './metric-catalogue/index.ts';
export type { CatalogueMetric, LabelValues, MetricSection, MetricUnit } from './metric-catalogue/index.ts';
export { metricsDocument } from './metric-catalogue/document.ts';
export * from './metrics.ts';
export * from './notifier.ts';
export * from './peer-message.ts';
export * from './store.ts';
export * from './topics.ts';
