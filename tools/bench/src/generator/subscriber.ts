import { packetTypes, stampBytes } from '../wire.ts';
import type { RawClient } from './client.ts';
import type { Measurements } from './load.ts';
import type { Receipts } from './receipts.ts';

/** Receipts and callback for the messages of one topic. */
export interface TopicTarget {
  readonly receipts: Receipts;
  onDelivered(): void;
}

/** Receives the messages of its flows, acknowledges them, and checks their numbers. */
export class Subscriber {
  readonly #client: RawClient;
  readonly #targets: ReadonlyMap<string, TopicTarget>;
  readonly #measurements: Measurements;
  readonly #topics = new Map<string, string>();
  #answers: number[] = [];

  /** @param targets receipts and callback of each topic */
  constructor(client: RawClient, targets: ReadonlyMap<string, TopicTarget>, measurements: Measurements) {
    this.#client = client;
    this.#targets = targets;
    this.#measurements = measurements;
    client.onPackets((first, bytes, start, end) => this.#onPacket(first, bytes, start, end));
  }

  #onPacket(first: number, bytes: Buffer, start: number, end: number): void {
    const type = first >> 4;
    if (type === packetTypes.pubrel) {
      this.#answer(0x70, bytes[start]!, bytes[start + 1]!);
    } else if (type === packetTypes.publish) this.#onPublish(first, bytes, start, end);
  }

  #onPublish(first: number, bytes: Buffer, start: number, end: number): void {
    const qos = (first >> 1) & 3;
    const topicEnd = start + 2 + bytes.readUInt16BE(start);
    const topic = this.#topic(bytes.toString('latin1', start + 2, topicEnd));
    const at = topicEnd + (qos > 0 ? 2 : 0);
    if (qos > 0) this.#answer(qos === 1 ? 0x40 : 0x50, bytes[topicEnd]!, bytes[topicEnd + 1]!);
    const target = this.#targets.get(topic);
    if (target === undefined || at + stampBytes > end) return;
    if (!target.receipts.add(bytes.readDoubleBE(at))) return;
    const { measuring, endToEnd } = this.#measurements;
    if (measuring) {
      this.#measurements.delivered++;
      endToEnd.record(performance.now() - bytes.readDoubleBE(at + 8));
    }
    target.onDelivered();
  }

  /** Returns the same string object for all messages of a topic. */
  #topic(text: string): string {
    const known = this.#topics.get(text);
    if (known !== undefined) return known;
    this.#topics.set(text, text);
    return text;
  }

  #answer(first: number, high: number, low: number): void {
    this.#answers.push(first, 2, high, low);
    if (this.#answers.length > 4) return;
    setImmediate(() => {
      this.#client.socket.write(Buffer.from(this.#answers));
      this.#answers = [];
    });
  }
}
