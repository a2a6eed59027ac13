import type { Message } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';

/** Messages watched at the same time. More would cost every delivery more. */
const samplesMax = 16;
/** One that has found no client by then finds none, or one that was away. */
const sampleMsMax = 10_000;

/** Watches a few of the messages that this home's clients published until the first client gets them. */
export class DeliverySamples {
  readonly #context: MemberContext;
  /** When each was received, ms. The same object is queued and delivered. */
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
