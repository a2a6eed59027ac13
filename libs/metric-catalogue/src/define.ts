import type { MetricDefinition, MetricType } from './metrics.ts';

/**
 * Allowed values of a label: either the list of all values, or a description of the things that have
 * one value each (for example each peer).
 * A series with a listed value exists from the start, at 0, so that `rate` sees its first increase.
 */
export type LabelValues = readonly string[] | { readonly oneFor: string };

/**
 * Unit of a metric. The name ends in the unit where Prometheus conventions require it. `none`: states,
 * indexes, versions.
 */
export type MetricUnit =
  | 'none'
  | 'seconds'
  | 'bytes'
  | 'messages'
  | 'packets'
  | 'acks'
  | 'connections'
  | 'sessions'
  | 'subscriptions'
  | 'entries'
  | 'commands'
  | 'batches'
  | 'frames'
  | 'events';

/** A metric with its unit, its purpose and the allowed values of its labels. */
export interface CatalogueMetric extends MetricDefinition {
  readonly unit: MetricUnit;
  /**
   * `dashboard`: rules and panels may use the metric. `debugging`: the metric helps people to find causes,
   * and may change.
   */
  readonly purpose: 'dashboard' | 'debugging';
  /** Allowed values by label, in the order of `labels`. */
  readonly values: Readonly<Record<string, LabelValues>>;
}

interface Description {
  readonly unit: MetricUnit;
  readonly help: string;
  readonly values?: Readonly<Record<string, LabelValues>>;
  readonly purpose?: CatalogueMetric['purpose'];
}

const prefix = 'mqtt_cluster_';

function define(type: MetricType, name: string, description: Description): CatalogueMetric {
  const { unit, help, values = {}, purpose = 'dashboard' } = description;
  return { name: `${prefix}${name}`, type, help, labels: Object.keys(values), unit, purpose, values };
}

export function counter(name: string, description: Description): CatalogueMetric {
  return define('counter', name, description);
}

export function gauge(name: string, description: Description): CatalogueMetric {
  return define('gauge', name, description);
}

/** @param buckets upper bounds in the unit of the metric. */
export function histogram(
  name: string,
  buckets: readonly number[],
  description: Description,
): CatalogueMetric {
  return { ...define('histogram', name, description), buckets };
}

export const qosLevels = ['0', '1', '2'] as const;
export const acknowledgedQosLevels = ['1', '2'] as const;
export const oneForEachPeer = { oneFor: 'each other member of the configuration' } as const;

/** Upper bounds in seconds, for operations that normally take about a millisecond. */
export const latencyBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;
