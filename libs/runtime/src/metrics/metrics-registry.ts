import { createEverySecond } from '@mqtt-cluster/contracts';
import type { EverySecond } from '@mqtt-cluster/contracts';
import { processMetrics } from '@mqtt-cluster/metric-catalogue';
import type { CatalogueMetric, MetricDefinition, Metrics } from '@mqtt-cluster/metric-catalogue';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { measureEventLoopDelay } from './event-loop-delay.ts';
import { countOpenFiles } from './open-files.ts';

export interface MetricsRegistry extends Metrics {
  /** Returns all metrics in the text format of Prometheus. */
  render(): Promise<string>;
  /** The content type of the rendered text. */
  readonly contentType: string;
  /** Stops measuring the process. */
  stop(): void;
}

export interface MetricsOptions {
  /** Labels that every metric gets, for instance the id of the member. */
  readonly defaultLabels?: Readonly<Record<string, string>>;
  /** Includes Node's own metrics and the histogram of event loop delays. True by default. */
  readonly includeProcessMetrics?: boolean;
  /**
   * Metrics that are rendered from the start: every counter and histogram with value 0 for each combination
   * of its labels, if all label values are listed, and every gauge without labels.
   */
  readonly declared?: readonly CatalogueMetric[];
  /** Runs the samples of the event loop. Default: a timer of its own. */
  readonly everySecond?: EverySecond;
}

/** One time series: a metric with the values of its labels. */
type Series =
  | { readonly type: 'counter'; readonly metric: Counter.Internal }
  | { readonly type: 'gauge'; readonly metric: Gauge.Internal<string> }
  | { readonly type: 'histogram'; readonly metric: Histogram.Internal<string> };
/** Returns the series with these label values, and creates the series if it is new. */
type FindSeries = (definition: MetricDefinition, labels: readonly string[]) => Series;

/**
 * Creates a metrics registry on top of prom-client. It does not use the global registry of prom-client,
 * because two members may run in one process.
 */
export function createMetrics({
  defaultLabels = {},
  includeProcessMetrics = true,
  declared = [],
  everySecond = createEverySecond(),
}: MetricsOptions = {}): MetricsRegistry {
  const registry = new Registry();
  registry.setDefaultLabels(defaultLabels);
  const cache = new SeriesCache(registry);
  const find: FindSeries = (definition, labels) => cache.find(definition, labels);
  const metrics: Metrics = {
    add(definition, labels, amount = 1) {
      const series = find(definition, labels);
      if (series.type !== 'counter' && series.type !== 'gauge') throw misuse(definition, 'add');
      series.metric.inc(amount);
    },
    set(definition, labels, value) {
      const series = find(definition, labels);
      if (series.type !== 'gauge') throw misuse(definition, 'set');
      series.metric.set(value);
    },
    observe(definition, labels, value) {
      const series = find(definition, labels);
      if (series.type !== 'histogram') throw misuse(definition, 'observe');
      series.metric.observe(value);
    },
    remove: (definition, labels) => cache.remove(definition, labels),
  };
  for (const metric of declared) declare(metric, find, metrics);
  const stop = includeProcessMetrics ? measureProcess(registry, metrics, everySecond) : (): void => {};
  return {
    ...metrics,
    render: () => registry.metrics(),
    contentType: registry.contentType,
    stop,
  };
}

/**
 * Sampling interval of prom-client's event loop lag. Its default of 10 ms wakes an idle host too often. The
 * interval may be long, because the histogram of event loop delays measures the delay more precisely.
 */
const lagSampleIntervalMs = 5_000;

/**
 * Metrics of prom-client that visit every open connection. With 10,000 clients they caused most of the cost
 * of a scrape.
 */
const costlyMetrics = [
  'process_open_fds',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
] as const;

function measureProcess(registry: Registry, metrics: Metrics, everySecond: EverySecond): () => void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagSampleIntervalMs });
  for (const name of costlyMetrics) registry.removeSingleMetric(name);
  const stopOpenFiles = countOpenFiles(registry);
  const stopDelays = measureEventLoopDelay(
    (delayMs) => metrics.observe(processMetrics.eventLoopDelaySeconds, [], delayMs / 1_000),
    () => performance.now(),
    everySecond,
  );
  return () => {
    stopOpenFiles();
    stopDelays();
  };
}

interface CachedMetric {
  readonly metric: RegisteredMetric;
  readonly series: Map<string, Series>;
}

/** Caches series by definition and label values, so that the hot path needs one look-up per call. */
class SeriesCache {
  readonly #registry: Registry;
  readonly #metrics = new Map<MetricDefinition, CachedMetric>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  find(definition: MetricDefinition, labels: readonly string[]): Series {
    let cached = this.#metrics.get(definition);
    if (!cached) {
      cached = { metric: register(this.#registry, definition), series: new Map() };
      this.#metrics.set(definition, cached);
    }
    const key = keyOf(labels);
    let series = cached.series.get(key);
    if (!series) {
      if (labels.length !== definition.labels.length) throw misuse(definition, `${labels.length} labels`);
      series = cached.metric.create(labels);
      cached.series.set(key, series);
    }
    return series;
  }

  remove(definition: MetricDefinition, labels: readonly string[]): void {
    const cached = this.#metrics.get(definition);
    if (cached?.series.delete(keyOf(labels))) cached.metric.remove(labels);
  }
}

function keyOf(labels: readonly string[]): string {
  return labels.length === 1 ? labels[0]! : labels.join('\u0000');
}

interface RegisteredMetric {
  create(labels: readonly string[]): Series;
  remove(labels: readonly string[]): void;
}

function register(registry: Registry, definition: MetricDefinition): RegisteredMetric {
  const { name, help, labels: labelNames, buckets, type } = definition;
  const configuration = { name, help, labelNames: [...labelNames], registers: [registry] };
  switch (type) {
    case 'counter': {
      const counter = new Counter(configuration);
      return {
        create: (labels) => ({ type, metric: counter.labels(...labels) }),
        remove: (labels) => counter.remove(...labels),
      };
    }
    case 'gauge': {
      const gauge = new Gauge(configuration);
      return {
        create: (labels) => ({ type, metric: gauge.labels(...labels) }),
        remove: (labels) => gauge.remove(...labels),
      };
    }
    case 'histogram': {
      const histogram = new Histogram(buckets ? { ...configuration, buckets: [...buckets] } : configuration);
      return {
        create: (labels) => {
          // Unlike counters and gauges, a histogram renders nothing before its first value.
          histogram.zero(Object.fromEntries(labelNames.map((label, position) => [label, labels[position]!])));
          return { type, metric: histogram.labels(...labels) };
        },
        remove: (labels) => histogram.remove(...labels),
      };
    }
  }
}

/**
 * Creates the series of a declared metric. Gauges with labels are left out: 0 would be a wrong value for
 * them.
 */
function declare(metric: CatalogueMetric, find: FindSeries, metrics: Metrics): void {
  if (metric.type === 'gauge') {
    if (metric.labels.length === 0) find(metric, []);
    return;
  }
  let combinations: string[][] = [[]];
  for (const values of Object.values(metric.values)) {
    if ('oneFor' in values) return;
    combinations = combinations.flatMap((labels) => values.map((value) => [...labels, value]));
  }
  for (const labels of combinations) {
    if (metric.type === 'counter') metrics.add(metric, labels, 0);
    else find(metric, labels);
  }
}

/** A programmer error: the call does not fit the type or the labels of the metric. */
function misuse({ name, type }: MetricDefinition, use: string): Error {
  return new Error(`The ${type} ${name} was used with ${use}`);
}
