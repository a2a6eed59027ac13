import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from '@mqtt-cluster/kit';
import { connectAsync } from 'mqtt';
import type { MqttClient } from 'mqtt';

const topicPrefix = 'witness/number';
const intervalMsDefault = 100;
/** Time for the last messages to arrive after the end of the attack. */
const arrivalMsMax = 20_000;
const pollMs = 50;

export interface WitnessMember {
  readonly host: string;
  readonly port: number;
}

export interface WitnessOptions {
  /** User as which all clients connect; none by default. */
  readonly username?: string;
  readonly password?: string;
  /** Interval of the publishes of each publisher, ms; 100 by default. */
  readonly intervalMs?: number;
}

export interface LatencyFigures {
  /** Messages; of deliveries, once for each subscriber. */
  readonly count: number;
  /** Time from publish to delivery or acknowledgement, ms; Infinity for a message without it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface WitnessReport {
  readonly acknowledged: number;
  /** Messages that each subscriber received. */
  readonly received: readonly number[];
  /** Messages that were acknowledged and that a subscriber did not receive. */
  readonly missing: number;
  /** Messages that a subscriber received after a later one of the same publisher, and not for the first time before it. */
  readonly outOfOrder: number;
  readonly disconnects: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The part of a run and the paths whose latency the caller asks for. */
export interface LatencyQuery {
  /** Messages that were published from this time on, ms of `performance.now`. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** @param publisher, subscriber positions of the members in the list of the start */
  readonly includes: (publisher: number, subscriber: number) => boolean;
}

/**
 * A publisher and a subscriber at each member. Each publisher publishes a number with QoS 1 every 100 ms by default. Each
 * acknowledged number must reach each subscriber.
 */
export class Witness {
  readonly #access: Pick<WitnessOptions, 'username' | 'password'>;
  readonly #intervalMs: number;
  readonly #subscribers: Subscriber[] = [];
  readonly #publishers: MqttClient[] = [];
  readonly #messages: WitnessMessage[] = [];
  #timer: NodeJS.Timeout | null = null;
  #disconnects = 0;

  constructor({ intervalMs = intervalMsDefault, ...access }: WitnessOptions = {}) {
    this.#access = access;
    this.#intervalMs = intervalMs;
  }

  /** Client identifiers of the witness, for an attack on them. @param members number of members */
  static clientIds(members: number): string[] {
    return Array.from({ length: members }, (_, index) => [subscriberId(index), publisherId(index)]).flat();
  }

  /** Connects at the members and starts to publish. */
  async start(members: readonly WitnessMember[]): Promise<void> {
    for (const [index, member] of members.entries()) {
      const client = await this.#connect(member, subscriberId(index));
      const subscriber: Subscriber = { client, highest: members.map(() => 0), received: 0, outOfOrder: 0 };
      client.on('message', (topic, payload) => this.#onMessage(index, topic, Number(payload.toString())));
      this.#subscribers.push(subscriber);
      await client.subscribeAsync(`${topicPrefix}/+`, { qos: 1 });
      this.#publishers.push(await this.#connect(member, publisherId(index)));
    }
    const publishAll = (): void => this.#publishers.forEach((_, index) => this.#publish(index));
    this.#timer = setInterval(publishAll, this.#intervalMs);
  }

  async #connect({ host, port }: WitnessMember, clientId: string): Promise<MqttClient> {
    const client = await connectAsync(`mqtt://${host}:${port}`, {
      ...this.#access,
      clientId,
      clean: false,
      reconnectPeriod: 200,
      // Without this option, MQTT.js never connects again after a refusal, for example by an overloaded member.
      reconnectOnConnackError: true,
      keepalive: 5,
    });
    client.on('close', () => (this.#disconnects += this.#timer === null ? 0 : 1));
    client.on('error', () => undefined);
    return client;
  }

  #publish(publisher: number): void {
    const message: WitnessMessage = {
      publisher,
      atMs: performance.now(),
      acknowledged: false,
      acknowledgedMs: Infinity,
      latencyMs: this.#subscribers.map(() => Infinity),
    };
    const number = this.#messages.push(message);
    this.#publishers[publisher]!.publish(
      `${topicPrefix}/${publisher}`,
      String(number),
      { qos: 1 },
      (error) => {
        if (error) return;
        message.acknowledged = true;
        message.acknowledgedMs = performance.now() - message.atMs;
      },
    );
  }

  #onMessage(position: number, topic: string, number: number): void {
    const message = this.#messages[number - 1];
    // The queue of a session from an earlier run may contain other numbers.
    if (message === undefined || topic !== `${topicPrefix}/${message.publisher}`) return;
    if (message.latencyMs[position] !== Infinity) return;
    const subscriber = this.#subscribers[position]!;
    const highest = subscriber.highest[message.publisher] ?? 0;
    if (number < highest) subscriber.outOfOrder++;
    subscriber.highest[message.publisher] = Math.max(highest, number);
    subscriber.received++;
    message.latencyMs[position] = performance.now() - message.atMs;
  }

  /** Stops publishing, waits until all messages have arrived, and returns what the witness has seen. */
  async stop(): Promise<WitnessReport> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    const untilMs = performance.now() + arrivalMsMax;
    while (performance.now() < untilMs && !this.#isComplete()) await delay(pollMs);
    const { p50Ms, p99Ms } = this.latency({ fromMs: 0, untilMs: Infinity, includes: () => true });
    const report: WitnessReport = {
      acknowledged: this.#messages.filter(({ acknowledged }) => acknowledged).length,
      received: this.#subscribers.map(({ received }) => received),
      missing: this.#missing(),
      outOfOrder: this.#subscribers.reduce((sum, { outOfOrder }) => sum + outOfOrder, 0),
      disconnects: this.#disconnects,
      p50Ms,
      p99Ms,
    };
    this.end();
    return report;
  }

  /** Closes the clients without a report. */
  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const { client } of this.#subscribers) client.end(true);
    for (const client of this.#publishers) client.end(true);
  }

  /** Returns the latency of the messages that were published in a part of the run. */
  latency({ fromMs, untilMs, includes }: LatencyQuery): LatencyFigures {
    const values = this.#messages
      .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
      .flatMap(({ publisher, latencyMs }) =>
        latencyMs.filter((_, subscriber) => includes(publisher, subscriber)),
      );
    return figuresOf(values);
  }

  /** Returns the time from publish to acknowledgement of the messages that were published in a part of the run. */
  acknowledgements({ fromMs, untilMs }: Omit<LatencyQuery, 'includes'>): LatencyFigures {
    return figuresOf(
      this.#messages
        .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
        .map(({ acknowledgedMs }) => acknowledgedMs),
    );
  }

  #isComplete(): boolean {
    return this.#messages.every(({ acknowledged }) => acknowledged) && this.#missing() === 0;
  }

  #missing(): number {
    return this.#messages
      .filter(({ acknowledged }) => acknowledged)
      .reduce((sum, { latencyMs }) => sum + latencyMs.filter((ms) => ms === Infinity).length, 0);
  }
}

function figuresOf(values: readonly number[]): LatencyFigures {
  return {
    count: values.length,
    p50Ms: percentile(values, 0.5) ?? 0,
    p99Ms: percentile(values, 0.99) ?? 0,
  };
}

function subscriberId(index: number): string {
  return `witness-subscriber-${index}`;
}

function publisherId(index: number): string {
  return `witness-publisher-${index}`;
}

interface Subscriber {
  readonly client: MqttClient;
  /** The highest number from each publisher. */
  readonly highest: number[];
  received: number;
  outOfOrder: number;
}

interface WitnessMessage {
  readonly publisher: number;
  readonly atMs: number;
  acknowledged: boolean;
  /** Time from publish to acknowledgement, ms; Infinity until then. */
  acknowledgedMs: number;
  /** For each subscriber; Infinity until the message arrives. */
  readonly latencyMs: number[];
}
