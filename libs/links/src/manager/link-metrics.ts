import { linkDropReasons, linkMetrics, MetricTotals } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { LinkCounters } from '../types.ts';
import type { NamedDefinition } from './link-definitions.ts';

export interface LinkMeasures {
  readonly name: string;
  readonly isConnected: boolean;
  readonly lagSeconds: number;
}

const qosLevels = [0, 1, 2] as const;
/** Reasons that the runner counts, see `QueueDrops` for the other one. */
const runnerReasons = linkDropReasons.filter((reason) => reason !== 'queue');

/** Measures of the queue of a link. Each member reports them, also without running the link. */
export interface QueueMeasures {
  readonly waiting: number;
  readonly dropped: number;
}

const gauges = [
  linkMetrics.enabled,
  linkMetrics.running,
  linkMetrics.connected,
  linkMetrics.lagMessages,
  linkMetrics.lagSeconds,
];

/** Copies the state of the links to metrics. A link that runs elsewhere has the value 0 in `running`. */
export class LinkMetrics {
  readonly #metrics: Metrics;
  readonly #totals: MetricTotals;
  #names: readonly string[] = [];

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#totals = new MetricTotals(metrics);
  }

  /** @param counters those of the links that have run here, by name */
  report(
    definitions: readonly NamedDefinition[],
    running: readonly LinkMeasures[],
    queueOf: (name: string) => QueueMeasures,
    counters: ReadonlyMap<string, LinkCounters>,
  ): void {
    const metrics = this.#metrics;
    const names = definitions.map(({ name }) => name);
    for (const name of this.#names) if (!names.includes(name)) this.#remove(name);
    this.#names = names;
    for (const { name, definition } of definitions) {
      const link = running.find((each) => each.name === name);
      metrics.set(linkMetrics.enabled, [name], definition?.paused === true ? 0 : 1);
      metrics.set(linkMetrics.running, [name], link === undefined ? 0 : 1);
      metrics.set(linkMetrics.connected, [name], link?.isConnected === true ? 1 : 0);
      metrics.set(linkMetrics.lagSeconds, [name], link?.lagSeconds ?? 0);
      const { waiting, dropped } = queueOf(name);
      metrics.set(linkMetrics.lagMessages, [name], waiting);
      this.#totals.report(linkMetrics.dropped, [name, 'queue'], dropped);
      const each = counters.get(name);
      if (each !== undefined) this.#reportCounters(name, each);
    }
  }

  #reportCounters(name: string, counters: LinkCounters): void {
    for (const qos of qosLevels) {
      this.#totals.report(linkMetrics.sent, [name, String(qos)], counters.sent[qos]);
      this.#totals.report(linkMetrics.received, [name, String(qos)], counters.received[qos]);
    }
    for (const reason of runnerReasons)
      this.#totals.report(linkMetrics.dropped, [name, reason], counters.dropped[reason]);
    this.#totals.report(linkMetrics.reconnects, [name], counters.reconnects);
    this.#totals.report(linkMetrics.possibleDuplicates, [name], counters.possibleDuplicates);
    this.#totals.report(linkMetrics.keptAside, [name], counters.keptAside);
  }

  #remove(name: string): void {
    for (const metric of gauges) this.#metrics.remove(metric, [name]);
    for (const metric of [linkMetrics.reconnects, linkMetrics.possibleDuplicates, linkMetrics.keptAside])
      this.#totals.remove(metric, [name]);
    for (const reason of linkDropReasons) this.#totals.remove(linkMetrics.dropped, [name, reason]);
    for (const qos of qosLevels)
      for (const metric of [linkMetrics.sent, linkMetrics.received])
        this.#totals.remove(metric, [name, String(qos)]);
  }
}
