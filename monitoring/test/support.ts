import { fileURLToPath } from 'node:url';
import { metricCatalogue } from '@mqtt-cluster/metric-catalogue';
import type { CatalogueMetric } from '@mqtt-cluster/metric-catalogue';
import { readRuleFiles, recordingRules, selectionsOf } from '../src/index.ts';

/** The monitoring folder. */
export const monitoring = fileURLToPath(new URL('..', import.meta.url));

export const ruleFiles = readRuleFiles(monitoring);
export const recorded = new Set(recordingRules(ruleFiles).map(({ record }) => record));

/** Of Prometheus itself, and prom-client's own, which the catalogue leaves out by name. */
const foreign: ReadonlySet<string> = new Set([
  'up',
  'ALERTS',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_heap_size_used_bytes',
]);

/** What Prometheus adds to every series of ours; `le` is of histograms. */
const targetLabels = ['job', 'instance', 'site', 'member', 'client', 'le'];

/** The metric of the catalogue behind a name in a query: `_bucket` and the like stand for their histogram. */
export function catalogued(name: string): CatalogueMetric | undefined {
  return metricCatalogue.find(
    (metric) =>
      metric.name === name ||
      (metric.type === 'histogram' &&
        ['_bucket', '_sum', '_count'].some((suffix) => metric.name + suffix === name)),
  );
}

/** Everything in a query that nobody makes, one line each. */
export function unknownIn(query: string): string[] {
  return selectionsOf(query).flatMap(({ metric, labels }) => {
    if (foreign.has(metric) || recorded.has(metric)) return [];
    const definition = catalogued(metric);
    if (definition === undefined) return [`${metric} is not in the metric catalogue: ${query}`];
    if (definition.type === 'histogram' && definition.name === metric) {
      return [`${metric} is a histogram: _bucket, _sum or _count of it: ${query}`];
    }
    return labels
      .filter((label) => !definition.labels.includes(label) && !targetLabels.includes(label))
      .map((label) => `${metric} has no label ${label}: ${query}`);
  });
}
