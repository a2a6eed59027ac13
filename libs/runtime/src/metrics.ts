import type { MetricDefinition, Metrics } from '@mqtt-cluster/contracts';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { eventLoopDelay } from './event-loop-delay.ts';

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
}

export const eventLoopDelaySeconds = {
  name: 'mqtt_cluster_event_loop_delay_seconds',
  type: 'histogram',
  help: 'How late the event loop came to a timer.',
  labels: [],
  buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
} as const satisfies MetricDefinition;

type Child =
  | { readonly type: 'counter'; readonly metric: Counter.Internal }
  | { readonly type: 'gauge'; readonly metric: Gauge.Internal<string> }
  | { readonly type: 'histogram'; readonly metric: Histogram.Internal<string> };

/** prom-client behind the contract, with a registry of its own: two members may live in one process. */
export function createMetrics({
  defaultLabels = {},
  ofProcess = true,
}: MetricsOptions = {}): MetricsRegistry {
  const registry = new Registry();
  registry.setDefaultLabels(defaultLabels);
  const find = childFinder(registry);
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
  };
  const stopDelays = ofProcess ? measureProcess(registry, metrics) : (): void => {};
  return {
    ...metrics,
    render: () => registry.metrics(),
    contentType: registry.contentType,
    stop: stopDelays,
  };
}

/** prom-client's own is 10 ms, which alone would keep an idle host awake; the histogram of ours is the one to look at. */
const lagSampleIntervalMs = 5_000;

function measureProcess(registry: Registry, metrics: Metrics): () => void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagSampleIntervalMs });
  return eventLoopDelay((delayMs) => metrics.observe(eventLoopDelaySeconds, [], delayMs / 1_000));
}

/** One look-up per call on the hot path: children by definition and label values. */
function childFinder(registry: Registry): (definition: MetricDefinition, labels: readonly string[]) => Child {
  const known = new Map<
    MetricDefinition,
    { make: (labels: readonly string[]) => Child; children: Map<string, Child> }
  >();
  return (definition, labels) => {
    let entry = known.get(definition);
    if (!entry) {
      entry = { make: register(registry, definition), children: new Map() };
      known.set(definition, entry);
    }
    const key = labels.length === 1 ? labels[0]! : labels.join('\u0000');
    let child = entry.children.get(key);
    if (!child) {
      if (labels.length !== definition.labels.length) throw misuse(definition, `${labels.length} labels`);
      child = entry.make(labels);
      entry.children.set(key, child);
    }
    return child;
  };
}

function register(registry: Registry, definition: MetricDefinition): (labels: readonly string[]) => Child {
  const { name, help, labels: labelNames, buckets, type } = definition;
  const configuration = { name, help, labelNames: [...labelNames], registers: [registry] };
  switch (type) {
    case 'counter': {
      const counter = new Counter(configuration);
      return (labels) => ({ type, metric: counter.labels(...labels) });
    }
    case 'gauge': {
      const gauge = new Gauge(configuration);
      return (labels) => ({ type, metric: gauge.labels(...labels) });
    }
    case 'histogram': {
      const histogram = new Histogram(buckets ? { ...configuration, buckets: [...buckets] } : configuration);
      return (labels) => ({ type, metric: histogram.labels(...labels) });
    }
  }
}

/** A programmer's error. */
function misuse({ name, type }: MetricDefinition, what: string): Error {
  return new Error(`The ${type} ${name} was used with ${what}`);
}
