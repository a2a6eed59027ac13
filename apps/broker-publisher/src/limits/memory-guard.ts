import { getHeapStatistics } from 'node:v8';
import { createEverySecond } from '@mqtt-cluster/contracts';
import type { EverySecond, Lifecycle, Logger } from '@mqtt-cluster/contracts';
import type { MemoryPressure } from '@mqtt-cluster/broker';
import { memoryMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

/** Growth of the memory that the measurements assume, bytes per second: a flood of packets. */
const growthPerSecond = 100_000_000;
/** Time of the second measurement within a second, ms, while a flood could reach a limit within the second. */
const secondSampleMs = 500;

/**
 * Shares of a limit at which the pressure changes. Each pressure begins at a higher share than the share at which it
 * ends (hysteresis), so that it does not change with every measurement.
 */
const refuseFrom = 0.8;
const refuseUntil = 0.72;
const dropFrom = 0.9;
const dropUntil = 0.82;
/** Shares for the resident memory together with a snapshot of the replicated state, which the member encodes in memory. */
const refusePublishesFrom = 0.9;
const refusePublishesUntil = 0.8;
/** Below this share the size of the state is not measured: a snapshot of it is smaller than the resident memory. */
const measureStateFrom = 0.45;

/** What the process uses, bytes. */
export interface MemoryUse {
  /** Resident memory of the process. */
  readonly rss: number;
  /** Used part of V8's heap. */
  readonly heap: number;
}

/** Decides about the memory pressure: the higher one of the shares of resident memory and of V8's heap counts. */
export class MemoryGauge {
  readonly #limits: MemoryUse;
  #pressure: MemoryPressure = 'none';

  constructor(limits: MemoryUse) {
    this.#limits = limits;
  }

  /** Updates and returns the pressure. */
  sample({ rss, heap }: MemoryUse): MemoryPressure {
    const share = Math.max(rss / this.#limits.rss, heap / this.#limits.heap);
    const before = this.#pressure;
    if (share >= dropFrom || (before === 'dropQos0' && share > dropUntil)) this.#pressure = 'dropQos0';
    else if (share >= refuseFrom || (before !== 'none' && share > refuseUntil)) {
      this.#pressure = 'refuseClients';
    } else this.#pressure = 'none';
    return this.#pressure;
  }
}

export interface MemoryGuardOptions {
  /** Memory that the process may use, bytes. */
  readonly limitBytes: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly onPressure: (pressure: MemoryPressure) => void;
  readonly onPublishesRefused: (refused: boolean) => void;
  /** Measures the replicated state, bytes. A snapshot of it has about this size. */
  readonly stateBytes: () => number;
  /** Measures the process. */
  readonly measure?: () => MemoryUse;
  /** Runs the measurements. Default: a timer of the guard's own. */
  readonly everySecond?: EverySecond;
}

/**
 * Keeps the process below the memory that it may use. From 80 % on the broker rejects new clients, from 90 % on it
 * drops the QoS 0 publishes of its clients and refuses their new filters. Peers and HTTP are not affected. Without this
 * ceiling, the kernel or V8 would end the process, and all its clients would lose their connections.
 *
 * A snapshot needs as much memory again as the replicated state. If resident memory and snapshot together reach 90 %, the
 * broker rejects QoS 1 and 2 publishes, and filters that a persistent session does not have. New clients are still accepted,
 * because they may receive what is queued.
 */
export class MemoryGuard implements Lifecycle {
  readonly #options: MemoryGuardOptions;
  readonly #gauge: MemoryGauge;
  readonly #limits: MemoryUse;
  #pressure: MemoryPressure = 'none';
  #refusesPublishes = false;
  #stopSamples: () => void = () => {};
  #timer: NodeJS.Timeout | null = null;

  constructor(options: MemoryGuardOptions) {
    this.#options = options;
    this.#limits = { rss: options.limitBytes, heap: heapLimitBytes() };
    this.#gauge = new MemoryGauge(this.#limits);
  }

  async start(): Promise<void> {
    const { everySecond = createEverySecond() } = this.#options;
    this.#stopSamples = everySecond(() => {
      if (this.sample()) this.#timer = setTimeout(() => this.sample(), secondSampleMs).unref();
    });
    this.sample();
  }

  async stop(): Promise<void> {
    this.#stopSamples();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** The pressure at the last measurement. */
  get pressure(): MemoryPressure {
    return this.#pressure;
  }

  /** What the broker does at the last measurement, as far as one word can say it. */
  get effect(): MemoryPressure | 'refusePublishes' {
    return this.#refusesPublishes && this.#pressure !== 'dropQos0' ? 'refusePublishes' : this.#pressure;
  }

  /**
   * Measures the process once. The guard also does this once a second.
   *
   * @returns whether the pressure can change within a second, so that another measurement is due before
   */
  sample(): boolean {
    const { metrics, measure = measureProcess } = this.#options;
    const use = measure();
    const pressure = this.#gauge.sample(use);
    for (const kind of ['rss', 'heap'] as const) {
      metrics.set(memoryMetrics.used, [kind], use[kind]);
      metrics.set(memoryMetrics.limit, [kind], this.#limits[kind]);
    }
    for (const each of ['refuseClients', 'dropQos0'] as const) {
      metrics.set(memoryMetrics.pressure, [pressureLabels[each]], pressure === each ? 1 : 0);
    }
    this.#samplePublishes(use.rss);
    this.#report(pressure, use);
    return this.#isNearLimit(use);
  }

  #isNearLimit(use: MemoryUse): boolean {
    const { rss, heap } = this.#limits;
    if (this.#pressure !== 'none' || this.#refusesPublishes) return true;
    // A snapshot of the state can be as large as the resident memory.
    if (use.rss >= measureStateFrom * rss) return true;
    return use.rss + growthPerSecond >= refuseFrom * rss || use.heap + growthPerSecond >= refuseFrom * heap;
  }

  #report(pressure: MemoryPressure, use: MemoryUse): void {
    const { logger, onPressure } = this.#options;
    if (pressure === this.#pressure) return;
    const before = this.#pressure;
    this.#pressure = pressure;
    const fields = { pressure, before, ...use, rssMax: this.#limits.rss, heapMax: this.#limits.heap };
    if (pressure === 'none') logger.info(fields, pressureTexts[pressure]);
    else logger.warn(fields, pressureTexts[pressure]);
    onPressure(pressure);
  }

  #samplePublishes(rss: number): void {
    const { metrics, logger, onPublishesRefused, stateBytes } = this.#options;
    const stateNow = rss < measureStateFrom * this.#limits.rss ? 0 : stateBytes();
    const share = (rss + stateNow) / this.#limits.rss;
    const refuses = share >= (this.#refusesPublishes ? refusePublishesUntil : refusePublishesFrom);
    metrics.set(memoryMetrics.pressure, ['refuse_publishes'], refuses ? 1 : 0);
    if (refuses === this.#refusesPublishes) return;
    this.#refusesPublishes = refuses;
    const fields = { rss, stateBytes: stateNow, rssMax: this.#limits.rss };
    if (refuses) logger.warn(fields, publishTexts.refused);
    else logger.info(fields, publishTexts.accepted);
    onPublishesRefused(refuses);
  }
}

const pressureLabels = { refuseClients: 'refuse_clients', dropQos0: 'drop_qos0' } as const;

const pressureTexts: Readonly<Record<MemoryPressure, string>> = {
  none: 'the process uses less memory again: new clients are accepted, and QoS 0 publishes are delivered',
  refuseClients:
    'the process uses more than 80 % of its memory (limits.memoryBytesMax, or the heap limit of V8): new clients are ' +
    'rejected',
  dropQos0:
    'the process uses more than 90 % of its memory (limits.memoryBytesMax, or the heap limit of V8): QoS 0 publishes ' +
    'are dropped, new filters are refused, and new connections are closed',
};

const publishTexts = {
  refused:
    'the process and a snapshot of the replicated state need more than 90 % of the memory (limits.memoryBytesMax): QoS 1 ' +
    'and 2 publishes and new filters of persistent sessions are rejected. Let absent clients receive their queues, lower ' +
    'the bounds of the cluster, or raise the memory of the unit',
  accepted:
    'a snapshot of the replicated state fits into the memory again: QoS 1 and 2 publishes and new filters are accepted',
} as const;

/** Returns the size at which V8 ends the process, bytes. */
export function heapLimitBytes(): number {
  return getHeapStatistics().heap_size_limit;
}

function measureProcess(): MemoryUse {
  return { rss: process.memoryUsage.rss(), heap: getHeapStatistics().used_heap_size };
}
