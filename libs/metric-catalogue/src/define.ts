import type { MetricDefinition, MetricType } from './metrics.ts';

/**
 * What a label may say: the list of all its values, or what bounds their number (one for each peer, say). A listed
 * value is there from the start, at 0, so that a rate can be taken of it.
 */
export type LabelValues = readonly string[] | { readonly oneFor: string };

/** Names end in it where Prometheus' conventions want it; `none` is for states, positions and versions. */
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

/** One line of the catalogue. */
export interface CatalogueMetric extends MetricDefinition {
  readonly unit: MetricUnit;
  /** `dashboard`: rules and panels may build on it. `debugging`: for who looks for a cause; may change. */
  readonly purpose: 'dashboard' | 'debugging';
  /** By label, in the order of `labels`. */
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

/** `buckets`: upper bounds in the metric's unit. */
export function histogram(
  name: string,
  buckets: readonly number[],
  description: Description,
): CatalogueMetric {
  return { ...define('histogram', name, description), buckets };
}

export const qosLevels = ['0', '1', '2'] as const;
export const acknowledgedQosLevels = ['1', '2'] as const;
export const peers = { oneFor: 'each other member of the configuration' } as const;

/** Seconds of things that take a millisecond when all is well; the bounds of promise P8 are among them. */
export const latencyBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;
