import type { Message } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';

/**
 * Upper bound of the messages that are sampled at the same time. A higher bound makes every delivery slower.
 */
const samplesMax = 16;
/**
 * A sampled message that is not delivered within this time has no connected subscriber, so its sample is
 * dropped.
 */
const sampleMsMax = 10_000;

/** Measures, for a sample of the messages that this home received, the time until the first delivery. */
export class DeliverySamples {
  readonly #context: MemberContext;
  /**
   * By sampled message: when this home received it, ms. The message object can be the key, because the queue
   * and the delivery share one object for each message.
   */
  readonly #receivedMs = new Map<Message, number>();

  constructor(context: MemberContext) {
    this.#context = context;
  }

  get waiting(): boolean {
    return this.#receivedMs.size > 0;
  }

  add(message: Message, receivedMs: number): void {
    if (this.#context.options.measures === undefined) return;
    if (this.#receivedMs.size >= samplesMax) this.#dropOld();
    if (this.#receivedMs.size < samplesMax) this.#receivedMs.set(message, receivedMs);
  }

  sent(message: Message): void {
    const receivedMs = this.#receivedMs.get(message);
    if (receivedMs === undefined) return;
    this.#receivedMs.delete(message);
    this.#context.options.measures?.delivering(receivedMs);
  }

  #dropOld(): void {
    const oldestMs = this.#context.nowMs - sampleMsMax;
    for (const [message, receivedMs] of this.#receivedMs) {
      if (receivedMs < oldestMs) this.#receivedMs.delete(message);
    }
  }
}
