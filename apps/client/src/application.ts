import { parseJson, telemetryPayloadSchema, telemetryTopic } from '@mqtt-cluster/contracts';
import type { Lifecycle, Logger, QoS, TelemetryPayload } from '@mqtt-cluster/contracts';
import { clientMetrics, MetricTotals } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type {
  ConnectedEvent,
  FailoverClient,
  FailoverClientOptions,
  FailoverClientStatus,
  FailoverEvent,
  IncomingMessage,
  Subscriptions,
} from '@mqtt-cluster/failover-client';
import { LatencyHistogram } from './latency-histogram.ts';
import type { LatencySummary } from './latency-histogram.ts';
import { SequenceChecker } from './sequence-checker.ts';
import type { SequenceReport } from './sequence-checker.ts';

/** Upper bound of the failovers that `/status` lists. Older failovers are only counted. */
const failoversShownMax = 20;
/**
 * Upper bound of the servers with a metric of their own. It is above the number of members, because a server
 * is identified by its address until the cluster advertises its id.
 */
const serversShownMax = 32;

export interface ApplicationOptions {
  readonly client: Omit<
    FailoverClientOptions,
    'subscriptions' | 'identify' | 'onMessage' | 'onConnect' | 'onDisconnect' | 'onFailover'
  >;
  readonly group: string;
  readonly qosLevels: readonly QoS[];
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export interface ApplicationStatus extends SequenceReport {
  readonly client: FailoverClientStatus;
  /** End-to-end latency for each QoS level, in milliseconds between the wall clocks of publisher and client. */
  readonly latency: readonly LatencySummary[];
  /** Durations without a connection, in milliseconds. */
  readonly gaps: LatencySummary;
  readonly failovers: readonly (FailoverEvent & { readonly at: string })[];
  /**
   * Number of the retained messages received because of a subscription. Their sequence numbers are not
   * checked.
   */
  readonly retained: number;
  /** Number of the received messages that are not telemetry. */
  readonly foreign: number;
}

/** Subscribes to telemetry on all QoS levels, detects lost and repeated messages, and measures latency and gaps. */
export class Application implements Lifecycle {
  readonly #options: ApplicationOptions;
  readonly #client: FailoverClient;
  readonly #checker = new SequenceChecker();
  readonly #latency = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
  readonly #gaps = new LatencyHistogram();
  readonly #totals: MetricTotals;
  /** Servers that this application has been connected to. */
  readonly #servers = new Set<string>();
  #failovers: ApplicationStatus['failovers'] = [];
  #retained = 0;
  #foreign = 0;

  constructor(options: ApplicationOptions) {
    this.#options = options;
    this.#totals = new MetricTotals(options.metrics);
    const filters = options.qosLevels.map(
      (qos) => [telemetryTopic(options.group, '+', qos), { qos }] as const,
    );
    this.#client = createFailoverClient({
      ...options.client,
      subscriptions: Object.fromEntries(filters) satisfies Subscriptions,
      identify: identityOf,
      onMessage: (message) => this.#onMessage(message),
      onConnect: (event) => this.#onConnect(event),
      onDisconnect: () => this.#updateConnectionMetrics(),
      onFailover: (event) => this.#onFailover(event),
    });
  }

  start(): Promise<void> {
    return this.#client.start();
  }

  stop(): Promise<void> {
    return this.#client.stop();
  }

  get connected(): boolean {
    return this.#client.status().connected;
  }

  status(): ApplicationStatus {
    return {
      ...this.#checker.report(),
      client: this.#client.status(),
      latency: this.#latency.map((histogram) => histogram.summary()),
      gaps: this.#gaps.summary(),
      failovers: this.#failovers,
      retained: this.#retained,
      foreign: this.#foreign,
    };
  }

  /** Updates the metrics that are not updated with each event. Must be called before the metrics are read. */
  refreshMetrics(): void {
    const { metrics } = this.#options;
    const { byQos, violations } = this.#checker.report();
    for (const [qos, { missing }] of byQos.entries())
      metrics.set(clientMetrics.missing, [String(qos)], missing);
    metrics.set(clientMetrics.violations, [], violations.length);
    metrics.set(clientMetrics.redundancy, [], this.#options.client.redundancy ?? 1);
    const status = this.#client.status();
    this.#totals.report(clientMetrics.connects, [], status.connects);
    this.#totals.report(clientMetrics.failovers, [], status.failovers);
    this.#totals.report(clientMetrics.connectFailures, [], status.failedAttempts);
    this.#totals.report(clientMetrics.secondCopiesRemoved, [], status.duplicatesRemoved);
    this.#updateConnectionMetrics();
  }

  #onMessage(message: IncomingMessage): void {
    const telemetry = parseTelemetry(message);
    const { metrics } = this.#options;
    if (!telemetry) {
      this.#foreign += 1;
      metrics.add(clientMetrics.foreign, []);
    } else if (message.retain) {
      this.#retained += 1;
    } else {
      this.#check(telemetry.qos, telemetry.payload, message.duplicate);
    }
  }

  #check(qos: QoS, payload: TelemetryPayload, dup: boolean): void {
    const { metrics, logger } = this.#options;
    const labels = [String(qos)];
    const finding = this.#checker.observe(qos, payload);
    metrics.add(clientMetrics.received, labels);
    if (finding === 'duplicate') {
      metrics.add(clientMetrics.duplicates, labels);
      if (qos !== 1) logger.warn({ qos, ...payload, dup }, 'message received twice');
      return;
    }
    if (finding === 'late') metrics.add(clientMetrics.outOfOrder, labels);
    if (finding === 'gap' || finding === 'late')
      logger.debug({ qos, ...payload, finding }, 'message out of sequence');
    const latencyMs = Date.now() - payload.sentAt;
    this.#latency[qos]?.observe(latencyMs);
    metrics.observe(clientMetrics.latency, labels, Math.max(0, latencyMs) / 1_000);
  }

  #onConnect({ gapMs }: ConnectedEvent): void {
    const { metrics } = this.#options;
    this.#updateConnectionMetrics();
    if (gapMs === null) return;
    this.#gaps.observe(gapMs);
    metrics.set(clientMetrics.lastGap, [], gapMs / 1_000);
    metrics.observe(clientMetrics.gap, [], gapMs / 1_000);
  }

  #onFailover(event: FailoverEvent): void {
    const at = new Date().toISOString();
    this.#failovers = [...this.#failovers.slice(1 - failoversShownMax), { ...event, at }];
  }

  #updateConnectionMetrics(): void {
    const { metrics } = this.#options;
    const { connected, servers } = this.#client.status();
    const now = servers.filter((server) => server !== null);
    metrics.set(clientMetrics.connected, [], connected ? 1 : 0);
    metrics.set(clientMetrics.connections, [], now.length);
    for (const server of now) if (this.#servers.size < serversShownMax) this.#servers.add(server);
    for (const server of this.#servers) {
      metrics.set(clientMetrics.server, [server], now.includes(server) ? 1 : 0);
    }
  }
}

const qosLevels: ReadonlyMap<string, QoS> = new Map([
  ['qos0', 0],
  ['qos1', 1],
  ['qos2', 2],
]);

interface Telemetry {
  readonly qos: QoS;
  readonly payload: TelemetryPayload;
}

/** Takes the QoS level from the topic, because the server may have lowered the QoS of the message. */
function parseTelemetry({ topic, payload }: IncomingMessage): Telemetry | undefined {
  const level = /^telemetry\/[^/]+\/[^/]+\/(qos[012])$/.exec(topic)?.[1];
  const qos = level === undefined ? undefined : qosLevels.get(level);
  if (qos === undefined) return undefined;
  const telemetry = parseJson(telemetryPayloadSchema, payload);
  return telemetry && { qos, payload: telemetry };
}

/** Returns the identity by which the failover client recognizes the second copy of a message (`redundancy: 2`). */
function identityOf(message: IncomingMessage): string | null {
  const telemetry = parseTelemetry(message);
  // A retained copy must not suppress the live message.
  if (!telemetry || message.retain) return null;
  const { group, signal, run, number } = telemetry.payload;
  return JSON.stringify([group, signal, telemetry.qos, run, number]);
}
