import { fileURLToPath } from 'node:url';
import { metricCatalogue } from '@mqtt-cluster/metric-catalogue';
import type { CatalogueMetric } from '@mqtt-cluster/metric-catalogue';
import { foreignLabels } from './foreign-metrics.ts';
import { readRuleFiles, recordingRules, vectorSelectors } from '../src/index.ts';

/** Absolute path of the monitoring folder. */
export const monitoring = fileURLToPath(new URL('..', import.meta.url));

export const ruleFiles = readRuleFiles(monitoring);
export const recorded = new Set(recordingRules(ruleFiles).map(({ record }) => record));

/** Labels that Prometheus adds to the series of the cluster; `le` belongs to histograms. */
const targetLabels = ['job', 'instance', 'site', 'member', 'client', 'le'];

/**
 * Returns the metric of the catalogue to which a name in a query refers. Names with `_bucket`, `_sum` and
 * `_count` belong to their histogram.
 */
export function findCatalogueMetric(name: string): CatalogueMetric | undefined {
  return metricCatalogue.find(
    (metric) =>
      metric.name === name ||
      (metric.type === 'histogram' &&
        ['_bucket', '_sum', '_count'].some((suffix) => metric.name + suffix === name)),
  );
}

/** Returns one line for each metric or label of a query that no program exports. */
export function unknownMetrics(query: string): string[] {
  return vectorSelectors(query).flatMap(({ metric, labels }) => {
    if (recorded.has(metric) || foreignLabels.get(metric) === null) return [];
    const labelsOfOthers = foreignLabels.get(metric);
    if (labelsOfOthers != null) return unknownLabels(metric, labels, labelsOfOthers, query);
    const definition = findCatalogueMetric(metric);
    if (definition === undefined) return [`${metric} is not in the metric catalogue: ${query}`];
    if (definition.type === 'histogram' && definition.name === metric) {
      return [`${metric} is a histogram; use its _bucket, _sum or _count: ${query}`];
    }
    return unknownLabels(metric, labels, definition.labels, query);
  });
}

function unknownLabels(
  metric: string,
  used: readonly string[],
  existing: readonly string[],
  query: string,
): string[] {
  return used
    .filter((label) => !existing.includes(label) && !targetLabels.includes(label))
    .map((label) => `${metric} has no label ${label}: ${query}`);
}
