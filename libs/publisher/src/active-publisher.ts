import { groupStateTopic, silentLogger, telemetryTopic } from '@mqtt-cluster/contracts';
import type { Logger, QoS } from '@mqtt-cluster/contracts';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { FailoverClient, FailoverClientOptions } from '@mqtt-cluster/failover-client';
import { vacantState } from './group-state.ts';
import type { GroupState } from '@mqtt-cluster/contracts';
import { TelemetryStream } from './telemetry-stream.ts';
import type { CounterName } from './telemetry-stream.ts';
import { LastNumbers, streamName } from './telemetry.ts';

/**
 * After a late timer, one tick sends at most this many messages of a stream. Further due messages are
 * skipped.
 */
const burstMax = 100;
const tickMsMin = 10;
const tickMsMax = 1_000;

export interface ActivePublisherOptions {
  readonly group: string;
  readonly instance: string;
  readonly connection: Omit<FailoverClientOptions, 'clientId'>;
  readonly signals: readonly string[];
  readonly qosLevels: readonly QoS[];
  readonly ratePerSecond: number;
  readonly value: (signal: string, number: number) => number;
  readonly unackedPerStreamMax: number;
  readonly retainedWaitMsMax: number;
  readonly refusedRetryDelayMs: number;
  /**
   * True if several publishers share the group. A lost connection then ends the active role of this
   * publisher.
   */
  readonly redundant: boolean;
  readonly count: (name: CounterName, qos: QoS) => void;
  readonly onAck: (qos: QoS, latencyMs: number) => void;
  /** Called when the publisher is no longer active, except after `stop`. */
  readonly onEnded: (reason: string) => void;
  readonly logger?: Logger;
}

/**
 * The active publisher of a group, from the moment it becomes active to the end of its active role. It
 * connects with the client id of the group, reads the last numbers from the retained messages, and continues
 * them.
 *
 * QoS 2 numbers have no gap and no repetition. After CONNACK, messages of the former active publisher that
 * are still in flight are no longer applied, because the epoch of their connection has been replaced
 * (docs/DESIGN.md, "Epochs"). So the retained message that is read after CONNACK is the last one that is ever
 * applied. A lost connection ends the active role of a redundant publisher. Another publisher may have been
 * active meanwhile, so no message may be sent before the numbers are read again.
 */
export class ActivePublisher {
  readonly #options: ActivePublisherOptions;
  readonly #client: FailoverClient;
  readonly #logger: Logger;
  readonly #lastNumbers: LastNumbers;
  readonly #run: string;
  #streams: TelemetryStream[] = [];
  #timer: NodeJS.Timeout | null = null;
  #onComplete: (() => void) | null = null;
  #active = false;
  #stopped = false;

  constructor(options: ActivePublisherOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#run = `${options.instance}-${Date.now().toString(36)}`;
    const names = options.signals.flatMap((signal) =>
      options.qosLevels.filter((qos) => qos > 0).map((qos) => streamName(signal, qos)),
    );
    this.#lastNumbers = new LastNumbers(options.group, names);
    const streams = options.signals.length * options.qosLevels.length;
    this.#client = createFailoverClient({
      ...options.connection,
      clientId: options.group,
      session: options.connection.protocolVersion === 4 ? 'none' : 'process',
      will: { topic: groupStateTopic(options.group), payload: vacantState, qos: 1, retain: true },
      // Leaves room for all streams at their bound, and for the state of the group.
      unackedMax: streams * options.unackedPerStreamMax + burstMax,
      onTakeover: options.redundant ? 'stop' : 'reconnect',
      stopOnConnectionLoss: options.redundant,
      onMessage: ({ topic, payload }) => {
        this.#lastNumbers.add(topic, payload);
        if (this.#lastNumbers.complete) this.#onComplete?.();
      },
      // The state is published after every connect, so that standby publishers do not become active. The
      // server may have replaced the state with the will of the former connection.
      onConnect: () => this.#publishState(),
      onStopped: (reason) => this.#end(reason),
    });
  }

  get active(): boolean {
    return this.#active;
  }

  get status(): ReturnType<FailoverClient['status']> {
    return this.#client.status();
  }

  get lastNumbers(): Record<string, number> {
    return Object.fromEntries(this.#streams.map(({ name, lastNumber }) => [name, lastNumber]));
  }

  /** Resolves when the publisher is active, or has ended before. */
  async start(): Promise<void> {
    try {
      await this.#client.start();
      await this.#client.connected();
      await this.#readLastNumbers();
      if (this.#stopped) return;
      this.#startStreams();
    } catch (error) {
      // After `stop` or `#end`, the rejections of pending calls are expected.
      if (!this.#stopped) this.#end(error instanceof Error ? error.message : String(error));
    }
  }

  async stop(): Promise<void> {
    const wasConnected = this.#client.status().connected;
    this.#halt();
    if (wasConnected) {
      this.#client
        .publish(groupStateTopic(this.#options.group), vacantState, { qos: 1, retain: true })
        .catch(() => undefined);
    }
    await this.#client.stop();
  }

  async #readLastNumbers(): Promise<void> {
    const { group, signals, qosLevels, retainedWaitMsMax } = this.#options;
    const filters = signals.flatMap((signal) =>
      qosLevels.filter((qos) => qos > 0).map((qos) => telemetryTopic(group, signal, qos)),
    );
    if (filters.length === 0) return;
    await this.#client.subscribe(Object.fromEntries(filters.map((filter) => [filter, { qos: 0 }])));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, retainedWaitMsMax);
      this.#onComplete = (): void => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#lastNumbers.complete || this.#stopped) this.#onComplete();
    });
    // The publisher does not need its own messages.
    await this.#client.unsubscribe(filters);
  }

  #startStreams(): void {
    const { signals, qosLevels, ratePerSecond, count } = this.#options;
    this.#streams = signals.flatMap((signal) => qosLevels.map((qos) => this.#stream(signal, qos)));
    this.#active = true;
    this.#logger.info({ numbers: this.lastNumbers }, 'publisher is active');
    const startedMs = performance.now();
    let ticks = 0;
    const tick = (): void => {
      const due = Math.floor(((performance.now() - startedMs) * ratePerSecond) / 1_000) - ticks;
      ticks += due;
      for (const stream of this.#streams) {
        for (let index = 0; index < Math.min(due, burstMax); index += 1) stream.emit();
      }
      for (let index = burstMax; index < due; index += 1) for (const qos of qosLevels) count('skipped', qos);
    };
    const intervalMs = Math.min(tickMsMax, Math.max(tickMsMin, 1_000 / ratePerSecond));
    this.#timer = setInterval(tick, intervalMs);
  }

  #stream(signal: string, qos: QoS): TelemetryStream {
    const { group, unackedPerStreamMax, refusedRetryDelayMs, value, count, onAck } = this.#options;
    return new TelemetryStream({
      group,
      signal,
      qos,
      position: this.#lastNumbers.of(streamName(signal, qos)) ?? { run: this.#run, lastNumber: 0 },
      unackedMax: unackedPerStreamMax,
      refusedRetryDelayMs,
      value,
      isConnected: () => this.#client.status().connected,
      publish: (topic, payload, options) => this.#client.publish(topic, payload, options),
      count,
      onAck,
    });
  }

  #publishState(): void {
    const state: GroupState = { active: this.#options.instance, since: Date.now() };
    this.#client
      .publish(groupStateTopic(this.#options.group), JSON.stringify(state), { qos: 1, retain: true })
      .catch((error: unknown) => {
        if (!this.#stopped) this.#logger.warn({ error }, 'the state of the group could not be published');
      });
  }

  #end(reason: string): void {
    if (this.#stopped) return;
    this.#halt();
    this.#logger.info({ reason }, 'publisher is no longer active');
    void this.#client.stop().then(() => this.#options.onEnded(reason));
  }

  #halt(): void {
    this.#stopped = true;
    this.#active = false;
    if (this.#timer) clearInterval(this.#timer);
    for (const stream of this.#streams) stream.stop();
    this.#onComplete?.();
  }
}
