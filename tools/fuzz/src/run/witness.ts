import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from '@mqtt-cluster/kit';
import { connectAsync } from 'mqtt';
import type { MqttClient } from 'mqtt';
import type { Endpoint } from '../online/transports.ts';

const topic = 'witness/number';
const intervalMs = 100;
/** Time for the last messages to arrive after the end of the attack. */
const arrivalMsMax = 20_000;
const pollMs = 50;

export interface WitnessReport {
  readonly acknowledged: number;
  readonly received: readonly number[];
  /** Numbers that were acknowledged and that a subscriber did not receive. */
  readonly missing: number;
  /** Numbers that a subscriber received after a higher one, and not for the first time before it. */
  readonly outOfOrder: number;
  readonly disconnects: number;
  /** Time from publish to delivery, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * A publisher at one member and a subscriber at each member. It publishes a number with QoS 1 every 100 ms. Each
 * acknowledged number must reach each subscriber.
 */
export class Witness {
  readonly #subscribers: Subscriber[] = [];
  readonly #sentAtMs = new Map<number, number>();
  readonly #acknowledged = new Set<number>();
  readonly #latenciesMs: number[] = [];
  #publisher: MqttClient | null = null;
  #timer: NodeJS.Timeout | null = null;
  #number = 0;
  #disconnects = 0;

  /** Connects at the members and starts to publish at the last one. */
  async start(members: readonly Endpoint[]): Promise<void> {
    for (const [index, member] of members.entries()) {
      const client = await this.#connect(member, `witness-subscriber-${index}`);
      const subscriber: Subscriber = { client, received: new Set(), highest: 0, outOfOrder: 0 };
      client.on('message', (_topic, payload) => this.#onMessage(subscriber, Number(payload.toString())));
      await client.subscribeAsync(topic, { qos: 1 });
      this.#subscribers.push(subscriber);
    }
    this.#publisher = await this.#connect(members.at(-1)!, 'witness-publisher');
    this.#timer = setInterval(() => this.#publish(), intervalMs);
  }

  async #connect({ host, port }: Endpoint, clientId: string): Promise<MqttClient> {
    const client = await connectAsync(`mqtt://${host}:${port}`, {
      clientId,
      clean: false,
      reconnectPeriod: 200,
      keepalive: 5,
    });
    client.on('close', () => (this.#disconnects += this.#timer === null ? 0 : 1));
    client.on('error', () => undefined);
    return client;
  }

  #publish(): void {
    const number = ++this.#number;
    this.#sentAtMs.set(number, performance.now());
    this.#publisher!.publish(topic, String(number), { qos: 1 }, (error) => {
      if (!error) this.#acknowledged.add(number);
    });
  }

  #onMessage(subscriber: Subscriber, number: number): void {
    const { received, highest } = subscriber;
    if (received.has(number)) return;
    received.add(number);
    if (number < highest) subscriber.outOfOrder++;
    subscriber.highest = Math.max(highest, number);
    this.#latenciesMs.push(performance.now() - this.#sentAtMs.get(number)!);
  }

  /** Stops to publish, waits until all messages have arrived, and returns what the witness has seen. */
  async stop(): Promise<WitnessReport> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    const untilMs = performance.now() + arrivalMsMax;
    while (performance.now() < untilMs && (this.#acknowledged.size < this.#number || this.#missing() > 0))
      await delay(pollMs);
    const report: WitnessReport = {
      acknowledged: this.#acknowledged.size,
      received: this.#subscribers.map(({ received }) => received.size),
      missing: this.#missing(),
      outOfOrder: this.#subscribers.reduce((sum, { outOfOrder }) => sum + outOfOrder, 0),
      disconnects: this.#disconnects,
      p50Ms: percentile(this.#latenciesMs, 0.5) ?? 0,
      p99Ms: percentile(this.#latenciesMs, 0.99) ?? 0,
    };
    for (const { client } of this.#subscribers) client.end(true);
    this.#publisher?.end(true);
    return report;
  }

  #missing(): number {
    let missing = 0;
    for (const number of this.#acknowledged)
      for (const { received } of this.#subscribers) if (!received.has(number)) missing++;
    return missing;
  }
}

interface Subscriber {
  readonly client: MqttClient;
  readonly received: Set<number>;
  highest: number;
  outOfOrder: number;
}
