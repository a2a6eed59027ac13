import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@mqtt-cluster/kit';
import { RawClient } from '../generator/client.ts';
import { openInBatches } from '../generator/open-in-batches.ts';
import { packetTypes, publishTemplate } from '../wire.ts';
import type { Row } from './row.ts';
import { endpointOf, withRunning } from './with-running.ts';

const subscribers = 2_000;
const filtersOfEach = 10;
const topics = subscribers * filtersOfEach;
const publishers = 4;
const window = 100;
/** Limit of undelivered messages. It keeps the queue of each subscriber short. */
const undeliveredMax = 1_000;
const warmUpMs = 3_000;
const drainMsMax = 15_000;

/** Messages to random topics of many subscriptions. */
export const filtersRow: Row = {
  name: 'filters',
  title: '20,000 filters of 2,000 clients, QoS 1, messages to random topics at full load; --seconds N',
  figures: [{ name: 'messages', unit: '/s', isLessBetter: false }],
  measure: (context) =>
    withRunning(context, async (running) => {
      const { seconds, size, seed } = context.given;
      const load = new RandomTopicLoad(size, seed);
      try {
        const open = (number: number, onFailure: (error: Error) => void): Promise<RawClient> =>
          RawClient.open(endpointOf(running, number), `filters-${number}`, true, onFailure);
        await openInBatches(
          subscribers,
          async (number, onFailure) => load.subscribe(number, await open(number, onFailure)),
          () => undefined,
        );
        for (let number = 0; number < publishers; number++)
          load.addPublisher(await open(subscribers + number, (error) => load.fail(error)));
        load.start();
        await delay(warmUpMs);
        const before = load.delivered;
        const startedMs = performance.now();
        await delay(seconds * 1_000);
        const delivered = load.delivered - before;
        const elapsedSeconds = (performance.now() - startedMs) / 1_000;
        await load.finish();
        return [delivered / elapsedSeconds];
      } finally {
        load.destroy();
      }
    }),
};

/** Publishers that send to random topics, each of which one subscriber receives. */
class RandomTopicLoad {
  delivered = 0;
  readonly #clients: RawClient[] = [];
  readonly #publishers: RawClient[] = [];
  readonly #unacknowledged = new Map<RawClient, number>();
  readonly #packets: Buffer[];
  readonly #packetIdAt: number[] = [];
  readonly #random: () => number;
  #sent = 0;
  #packetId = 0;
  #stopped = false;
  #failure: Error | null = null;

  constructor(payloadBytes: number, seed: number) {
    this.#random = seededRandom(seed);
    this.#packets = Array.from({ length: topics }, (_, topic) => {
      const { bytes, packetIdAt } = publishTemplate(`filters/${topic}/value`, 1, payloadBytes);
      this.#packetIdAt.push(packetIdAt);
      return bytes;
    });
  }

  fail(error: Error): void {
    this.#failure ??= error;
  }

  async subscribe(number: number, client: RawClient): Promise<void> {
    this.#clients.push(client);
    for (let filter = 0; filter < filtersOfEach; filter++)
      await client.subscribe(`filters/${number * filtersOfEach + filter}/+`, 1);
    client.onPackets((first, bytes, start) => {
      if (first >> 4 !== packetTypes.publish) return;
      const idAt = start + 2 + bytes.readUInt16BE(start);
      client.socket.write(Buffer.from([0x40, 2, bytes[idAt]!, bytes[idAt + 1]!]));
      this.delivered++;
      if (this.#sent - this.delivered === undeliveredMax - 1)
        for (const publisher of this.#publishers) this.#fill(publisher);
    });
  }

  addPublisher(client: RawClient): void {
    this.#clients.push(client);
    this.#publishers.push(client);
    this.#unacknowledged.set(client, 0);
    client.onPackets((first) => {
      if (first >> 4 !== packetTypes.puback) return;
      this.#unacknowledged.set(client, this.#unacknowledged.get(client)! - 1);
      this.#fill(client);
    });
  }

  start(): void {
    for (const publisher of this.#publishers) this.#fill(publisher);
  }

  /** Stops the publishers and waits for the last messages. @throws Error when a client failed or a message is missing */
  async finish(): Promise<void> {
    this.#stopped = true;
    const untilMs = performance.now() + drainMsMax;
    while (this.delivered < this.#sent && this.#failure === null && performance.now() < untilMs)
      await delay(50);
    if (this.#failure !== null) throw this.#failure;
    if (this.delivered < this.#sent) throw new Error(`${this.#sent - this.delivered} messages were lost`);
  }

  destroy(): void {
    for (const client of this.#clients) client.destroy();
  }

  #fill(publisher: RawClient): void {
    const parts: Buffer[] = [];
    let unacknowledged = this.#unacknowledged.get(publisher)!;
    while (!this.#stopped && unacknowledged < window && this.#sent - this.delivered < undeliveredMax) {
      const topic = Math.floor(this.#random() * topics);
      const packet = Buffer.from(this.#packets[topic]!);
      this.#packetId = (this.#packetId % 65_535) + 1;
      packet.writeUInt16BE(this.#packetId, this.#packetIdAt[topic]!);
      parts.push(packet);
      unacknowledged++;
      this.#sent++;
    }
    this.#unacknowledged.set(publisher, unacknowledged);
    if (parts.length > 0) publisher.socket.write(Buffer.concat(parts));
  }
}
