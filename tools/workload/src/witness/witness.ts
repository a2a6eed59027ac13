import { setTimeout as delay } from 'node:timers/promises';
import { percentile, waitFor } from '@mqtt-cluster/kit';
import { connectAsync } from 'mqtt';
import type { MqttClient } from 'mqtt';

const topicPrefix = 'witness/number';
const intervalMsDefault = 100;
/** Time for the last messages to arrive after the end of the attack. */
const arrivalMsMaxDefault = 20_000;
/** Time until the first connection and subscription of a client. A member without a leader refuses clients for a while. */
const connectMsMaxDefault = 60_000;
const connectIntervalMs = 500;
const pollMs = 50;

export interface WitnessMember {
  readonly host: string;
  readonly port: number;
}

export interface WitnessOptions {
  /** User as which all clients connect; none by default. */
  readonly username?: string;
  readonly password?: string;
  /** Text at the start of each payload. A message with another start is counted as foreign. None by default. */
  readonly mark?: string;
  /** Interval of the publishes of each publisher, ms; 100 by default. */
  readonly intervalMs?: number;
  /** Longest time in which a client tries to connect for the first time, ms; 60 s by default. */
  readonly connectMsMax?: number;
}

export interface Disconnect {
  readonly member: number;
  readonly atMs: number;
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
  /** Messages without the mark of the witness, for each subscriber: another client published on its topics. */
  readonly foreign: number;
  readonly disconnects: number;
  /** The lost connections: the position of the member, and the time, ms of `performance.now`. */
  readonly disconnected: readonly Disconnect[];
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
  readonly #connectMsMax: number;
  readonly #mark: string;
  #foreign = 0;
  readonly #subscribers: Subscriber[] = [];
  readonly #publishers: MqttClient[] = [];
  readonly #messages: WitnessMessage[] = [];
  #timer: NodeJS.Timeout | null = null;
  readonly #disconnected: Disconnect[] = [];

  constructor({
    intervalMs = intervalMsDefault,
    connectMsMax = connectMsMaxDefault,
    mark = '',
    ...access
  }: WitnessOptions = {}) {
    this.#access = access;
    this.#intervalMs = intervalMs;
    this.#connectMsMax = connectMsMax;
    this.#mark = mark;
  }

  /** Client identifiers of the witness, for an attack on them. @param members number of members */
  static clientIds(members: number): string[] {
    return Array.from({ length: members }, (_, index) => [subscriberId(index), publisherId(index)]).flat();
  }

  /**
   * Connects at the members and starts to publish.
   *
   * @throws WaitTimeoutError when a member refuses a client or its subscription for too long
   */
  async start(members: readonly WitnessMember[]): Promise<void> {
    for (const [index, member] of members.entries()) {
      const client = await this.#connect(member, index, subscriberId(index), (connected) =>
        connected.subscribeAsync(`${topicPrefix}/+`, { qos: 1 }),
      );
      const subscriber: Subscriber = { client, highest: members.map(() => 0), received: 0, outOfOrder: 0 };
      client.on('message', (topic, payload) => this.#onMessage(index, topic, payload.toString()));
      this.#subscribers.push(subscriber);
      this.#publishers.push(await this.#connect(member, index, publisherId(index)));
    }
    const publishAll = (): void => this.#publishers.forEach((_, index) => this.#publish(index));
    this.#timer = setInterval(publishAll, this.#intervalMs);
  }

  /** Connects a client, and tries again until a member that does not serve yet accepts it. */
  async #connect(
    { host, port }: WitnessMember,
    index: number,
    clientId: string,
    prepare: (client: MqttClient) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<MqttClient> {
    const attempt = async (): Promise<MqttClient> => {
      const connected = await connectAsync(`mqtt://${host}:${port}`, {
        ...this.#access,
        clientId,
        clean: false,
        reconnectPeriod: 200,
        // Without this option, MQTT.js never connects again after a refusal, for example by an overloaded member.
        reconnectOnConnackError: true,
        keepalive: 5,
      });
      connected.on('error', () => undefined);
      try {
        await prepare(connected);
        return connected;
      } catch (error) {
        connected.end(true);
        throw error;
      }
    };
    const client = await waitFor(`the connection of ${clientId} to ${host}:${port}`, attempt, {
      timeoutMs: this.#connectMsMax,
      intervalMs: connectIntervalMs,
    });
    client.on('close', () => {
      if (this.#timer !== null) this.#disconnected.push({ member: index, atMs: performance.now() });
    });
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
      `${this.#mark}${number}`,
      { qos: 1 },
      (error) => {
        if (error) return;
        message.acknowledged = true;
        message.acknowledgedMs = performance.now() - message.atMs;
      },
    );
  }

  #onMessage(position: number, topic: string, payload: string): void {
    if (!payload.startsWith(this.#mark)) {
      this.#foreign++;
      return;
    }
    const number = Number(payload.slice(this.#mark.length));
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

  /**
   * Stops publishing, waits until all messages have arrived, and returns what the witness has seen.
   *
   * @param arrivalMsMax longest wait for the last messages; 20 s by default
   */
  async stop(arrivalMsMax = arrivalMsMaxDefault): Promise<WitnessReport> {
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
      foreign: this.#foreign,
      disconnects: this.#disconnected.length,
      disconnected: this.#disconnected,
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
