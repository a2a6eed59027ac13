/** Messages that wait for a slow reader. Further ones are lost and counted, as for a slow MQTT client with QoS 0. */
const waitingMax = 1_000;

/** A bounded queue between the messages of a subscription and a stream. */
export class MessageQueue<Message> {
  readonly #waiting: Message[] = [];
  readonly #max: number;
  #taken = 0;
  #isEnded = false;
  #wake: () => void = () => undefined;
  lost = 0;

  /** @param max messages after which the queue ends */
  constructor(max: number) {
    this.#max = max;
  }

  push(message: Message): void {
    if (this.#isEnded) return;
    if (this.#waiting.length >= waitingMax) {
      this.lost += 1;
      return;
    }
    this.#waiting.push(message);
    this.#taken += 1;
    if (this.#taken >= this.#max) this.#isEnded = true;
    this.#wake();
  }

  /** Ends the queue. Messages that wait are still delivered. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async *items(): AsyncGenerator<Message> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message !== undefined) yield message;
      else if (this.#isEnded) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
