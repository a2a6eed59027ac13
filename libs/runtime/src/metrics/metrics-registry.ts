import { processMetrics } from '@mqtt-cluster/metric-catalogue';
import type { CatalogueMetric, MetricDefinition, Metrics } from '@mqtt-cluster/metric-catalogue';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { eventLoopDelay } from './event-loop-delay.ts';
import { countOpenFiles } from './open-files.ts';

export interface MetricsRegistry extends Metrics {
  /** All metrics in Prometheus' text format. */
  render(): Promise<string>;
  readonly contentType: string;
  /** Ends the measuring of the process itself. */
  stop(): void;
}

export interface MetricsOptions {
  /** Labels of every metric; the member's id, say. */
  readonly defaultLabels?: Readonly<Record<string, string>>;
  /** Node's own metrics and the histogram of event loop delays; true by default. */
  readonly ofProcess?: boolean;
  /** There from the start: what has no labels, and what has listed values for all of them, at 0. */
  readonly declared?: readonly CatalogueMetric[];
}

type Child =
  | { readonly type: 'counter'; readonly metric: Counter.Internal }
  | { readonly type: 'gauge'; readonly metric: Gauge.Internal<string> }
  | { readonly type: 'histogram'; readonly metric: Histogram.Internal<string> };
/** Makes the series of these label values exist. */
type Find = (definition: MetricDefinition, labels: readonly string[]) => Child;

/** prom-client behind the contract, with a registry of its own: two members may live in one process. */
export function createMetrics({
  defaultLabels = {},
  ofProcess = true,
  declared = [],
}: MetricsOptions = {}): MetricsRegistry {
  const registry = new Registry();
  registry.setDefaultLabels(defaultLabels);
  const series = new Series(registry);
  const find: Find = (definition, labels) => series.find(definition, labels);
  const metrics: Metrics = {
    add(definition, labels, amount = 1) {
      const child = find(definition, labels);
      if (child.type !== 'counter' && child.type !== 'gauge') throw misuse(definition, 'add');
      child.metric.inc(amount);
    },
    set(definition, labels, value) {
      const child = find(definition, labels);
      if (child.type !== 'gauge') throw misuse(definition, 'set');
      child.metric.set(value);
    },
    observe(definition, labels, value) {
      const child = find(definition, labels);
      if (child.type !== 'histogram') throw misuse(definition, 'observe');
      child.metric.observe(value);
    },
    remove: (definition, labels) => series.remove(definition, labels),
  };
  for (const metric of declared) declare(metric, find, metrics);
  const stop = ofProcess ? measureProcess(registry, metrics) : (): void => {};
  return {
    ...metrics,
    render: () => registry.metrics(),
    contentType: registry.contentType,
    stop,
  };
}

/** prom-client's own is 10 ms, which alone would keep an idle host awake; the histogram of ours is the one to look at. */
const lagSampleIntervalMs = 5_000;

/** They look at every open connection: most of what a page cost a member with 10,000 clients. */
const costlyMetrics = [
  'process_open_fds',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
] as const;

function measureProcess(registry: Registry, metrics: Metrics): () => void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagSampleIntervalMs });
  for (const name of costlyMetrics) registry.removeSingleMetric(name);
  const stopOpenFiles = countOpenFiles(registry);
  const stopDelays = eventLoopDelay((delayMs) =>
    metrics.observe(processMetrics.eventLoopDelaySeconds, [], delayMs / 1_000),
  );
  return () => {
    stopOpenFiles();
    stopDelays();
  };
}

interface Known {
  readonly made: Made;
  readonly children: Map<string, Child>;
}

/** One look-up per call on the hot path: children by definition and label values. */
class Series {
  readonly #registry: Registry;
  readonly #known = new Map<MetricDefinition, Known>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  find(definition: MetricDefinition, labels: readonly string[]): Child {
    let known = this.#known.get(definition);
    if (!known) {
      known = { made: register(this.#registry, definition), children: new Map() };
      this.#known.set(definition, known);
    }
    const key = keyOf(labels);
    let child = known.children.get(key);
    if (!child) {
      if (labels.length !== definition.labels.length) throw misuse(definition, `${labels.length} labels`);
      child = known.made.make(labels);
      known.children.set(key, child);
    }
    return child;
  }

  remove(definition: MetricDefinition, labels: readonly string[]): void {
    const known = this.#known.get(definition);
    if (known?.children.delete(keyOf(labels))) known.made.remove(labels);
  }
}

function keyOf(labels: readonly string[]): string {
  return labels.length === 1 ? labels[0]! : labels.join('\u0000');
}

interface Made {
  make(labels: readonly string[]): Child;
  remove(labels: readonly string[]): void;
}

function register(registry: Registry, definition: MetricDefinition): Made {
  const { name, help, labels: labelNames, buckets, type } = definition;
  const configuration = { name, help, labelNames: [...labelNames], registers: [registry] };
  switch (type) {
    case 'counter': {
      const counter = new Counter(configuration);
      return {
        make: (labels) => ({ type, metric: counter.labels(...labels) }),
        remove: (labels) => counter.remove(...labels),
      };
    }
    case 'gauge': {
      const gauge = new Gauge(configuration);
      return {
        make: (labels) => ({ type, metric: gauge.labels(...labels) }),
        remove: (labels) => gauge.remove(...labels),
      };
    }
    case 'histogram': {
      const histogram = new Histogram(buckets ? { ...configuration, buckets: [...buckets] } : configuration);
      return {
        make: (labels) => {
          // Unlike the others a histogram shows nothing before its first value.
          histogram.zero(Object.fromEntries(labelNames.map((label, position) => [label, labels[position]!])));
          return { type, metric: histogram.labels(...labels) };
        },
        remove: (labels) => histogram.remove(...labels),
      };
    }
  }
}

/** A gauge without a value would lie at 0: only counters and histograms begin there. */
function declare(metric: CatalogueMetric, find: Find, metrics: Metrics): void {
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

/** A programmer's error. */
function misuse({ name, type }: MetricDefinition, what: string): Error {
  return new Error(`The ${type} ${name} was used with ${what}`);
}
