import type { MemberPlace } from '../layout.ts';
import type { Server } from '../load/connection.ts';
import type { QoS } from '../load/history.ts';
import { Publisher } from '../load/publisher.ts';
import { Subscriber } from '../load/subscriber.ts';
import { Tally } from './tally.ts';

const tickMs = 20;
const messagesPerSecond = 60;
const subscriberCount = 2;

/** A small verifying load without end, for the live view. */
export class Probe {
  readonly tally = new Tally(subscriberCount);
  readonly #publishers: readonly Publisher[];
  readonly #subscribers: readonly Subscriber[];
  #timer: NodeJS.Timeout | null = null;

  constructor(members: readonly MemberPlace[], random: () => number) {
    const prefix = `lab/probe/${process.pid}`;
    const servers = (first: number): Server[] =>
      members.map((_, index) => {
        const { id, host, mqttPort } = members[(first + index) % members.length] as MemberPlace;
        return { id, host, port: mqttPort };
      });
    const levels: readonly QoS[] = [0, 1, 2];
    this.#publishers = levels.flatMap((qos) =>
      members.map(({ id: home }, index) => {
        const id = `lab-probe-${process.pid}-${home}-qos${qos}`;
        return new Publisher({
          id,
          qos,
          servers: servers(index),
          random,
          keep: false,
          content: (number) => ({
            topic: `${prefix}/${home}/qos${qos}`,
            payload: `${id}|${number}|${performance.now()}`,
            retain: false,
          }),
          onSessionLost: () => undefined,
          onSent: (number) => this.tally.sent(id, qos, number, performance.now()),
          onAcked: (number) => this.tally.acked(id, number, performance.now()),
        });
      }),
    );
    this.#subscribers = Array.from({ length: subscriberCount }, (_, index) => {
      const id = `lab-probe-${process.pid}-subscriber-${index}`;
      return new Subscriber({
        id,
        persistent: true,
        qos: 2,
        filters: [`${prefix}/#`],
        willPrefix: `${prefix}-will/`,
        servers: servers(index * 3),
        random,
        keep: false,
        onSessionLost: () => undefined,
        onDelivery: (stream, number, latencyMs) => this.tally.delivered(id, stream, number, latencyMs),
      });
    });
  }

  start(): void {
    for (const client of [...this.#subscribers, ...this.#publishers]) client.start();
    let next = 0;
    let due = 0;
    let started = false;
    this.#timer = setInterval(() => {
      // Nothing is owed to subscribers that have not subscribed yet.
      started ||= this.#subscribers.every(({ ready }) => ready);
      if (!started) return;
      due += (messagesPerSecond * tickMs) / 1_000;
      for (; due >= 1; due--) this.#publishers[next++ % this.#publishers.length]?.publish();
    }, tickMs);
  }

  /** Shows the longest wait of those publishers that were at the killed members. */
  watchGap(killed: readonly string[]): void {
    const nowMs = performance.now();
    this.tally.lastGapMs = null;
    for (const publisher of this.#publishers) {
      if (publisher.stream.qos === 0 || !killed.includes(publisher.home ?? '')) continue;
      publisher.watch(nowMs, true, (gapMs) => {
        this.tally.lastGapMs = Math.max(this.tally.lastGapMs ?? 0, gapMs);
      });
    }
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const client of [...this.#publishers, ...this.#subscribers]) client.end();
  }
}
