import { groupStateTopic, silentLogger, telemetryTopic } from '@mqtt-cluster/contracts';
import type { Logger, QoS } from '@mqtt-cluster/contracts';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { FailoverClient, FailoverClientOptions } from '@mqtt-cluster/failover-client';
import { vacantState } from './group-state.ts';
import type { GroupState } from '@mqtt-cluster/contracts';
import { TelemetryStream } from './telemetry-stream.ts';
import type { CountName } from './telemetry-stream.ts';
import { LastNumbers, streamName } from './telemetry.ts';

/** Messages of one stream that one tick may make up for after a late timer; the rest is skipped. */
const burstMax = 100;
const tickMsMin = 10;
const tickMsMax = 1_000;

export interface TenureOptions {
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
  /** One of several that may be active: any loss of the connection ends the tenure. */
  readonly redundant: boolean;
  readonly count: (name: CountName, qos: QoS) => void;
  readonly acked: (qos: QoS, latencyMs: number) => void;
  /** It ended by itself. */
  readonly ended: (reason: string) => void;
  readonly logger?: Logger;
}

/**
 * One time of being a group's active publisher: connect with the group's client id, find out the last
 * numbers, go on.
 *
 * The numbers of QoS 2 are exact whatever happens: once CONNACK is here, what a former active one still has
 * on the way is void (design, epoch), so the retained message read afterwards is the last that will ever have
 * been applied. A lost connection ends the tenure of a redundant publisher: another may have been active
 * meanwhile, so nothing may be sent again unread.
 */
export class Tenure {
  readonly #options: TenureOptions;
  readonly #client: FailoverClient;
  readonly #logger: Logger;
  readonly #lastNumbers: LastNumbers;
  readonly #run: string;
  #streams: TelemetryStream[] = [];
  #timer: NodeJS.Timeout | null = null;
  #found: (() => void) | null = null;
  #active = false;
  #stopped = false;

  constructor(options: TenureOptions) {
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
      // Room for all streams at their bound and the state.
      unackedMax: streams * options.unackedPerStreamMax + burstMax,
      onTakeover: options.redundant ? 'stop' : 'reconnect',
      stopOnConnectionLoss: options.redundant,
      onMessage: ({ topic, payload }) => {
        this.#lastNumbers.add(topic, payload);
        if (this.#lastNumbers.complete) this.#found?.();
      },
      // At once, so that other standbys stay where they are; and again later, for the will may have been sent
      // meanwhile.
      onConnect: () => this.#tellState(),
      onStopped: (reason) => this.#giveUp(reason),
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

  /** Resolves when it is active, or has ended before. */
  async start(): Promise<void> {
    try {
      await this.#client.start();
      await this.#client.connected();
      await this.#readLastNumbers();
      if (this.#stopped) return;
      this.#begin();
    } catch (error) {
      // Stopped or given up on the way; anything else is told.
      if (!this.#stopped) this.#giveUp(error instanceof Error ? error.message : String(error));
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
      this.#found = (): void => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#lastNumbers.complete || this.#stopped) this.#found();
    });
    // Our own messages need not come back.
    await this.#client.unsubscribe(filters);
  }

  #begin(): void {
    const { signals, qosLevels, ratePerSecond, count } = this.#options;
    this.#streams = signals.flatMap((signal) => qosLevels.map((qos) => this.#stream(signal, qos)));
    this.#active = true;
    this.#logger.info({ numbers: this.lastNumbers }, 'active');
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
    const { group, unackedPerStreamMax, refusedRetryDelayMs, value, count, acked } = this.#options;
    return new TelemetryStream({
      group,
      signal,
      qos,
      continuation: this.#lastNumbers.of(streamName(signal, qos)) ?? { run: this.#run, lastNumber: 0 },
      unackedMax: unackedPerStreamMax,
      refusedRetryDelayMs,
      value,
      connected: () => this.#client.status().connected,
      publish: (topic, payload, options) => this.#client.publish(topic, payload, options),
      count,
      acked,
    });
  }

  #tellState(): void {
    const state: GroupState = { active: this.#options.instance, since: Date.now() };
    this.#client
      .publish(groupStateTopic(this.#options.group), JSON.stringify(state), { qos: 1, retain: true })
      .catch((error: unknown) => {
        if (!this.#stopped) this.#logger.warn({ error }, 'the state could not be published');
      });
  }

  #giveUp(reason: string): void {
    if (this.#stopped) return;
    this.#halt();
    this.#logger.info({ reason }, 'no longer active');
    void this.#client.stop().then(() => this.#options.ended(reason));
  }

  #halt(): void {
    this.#stopped = true;
    this.#active = false;
    if (this.#timer) clearInterval(this.#timer);
    for (const stream of this.#streams) stream.stop();
    this.#found?.();
  }
}
