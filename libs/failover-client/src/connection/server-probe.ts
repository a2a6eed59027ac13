export interface DoubtOptions {
  /** What was sent has no answer of any kind for this long: time to ask. */
  readonly askAfterMs: number;
  /** And the answer has not come for this long: doubtful. */
  readonly answerMsMax: number;
}

/** Checks that far apart mean that we were the ones asleep, and the answers may wait unread in the socket. */
const sleptFactor = 3;

/**
 * Tells a server that has gone silent from a cluster that can't ack for a moment: the first does not answer a ping either.
 * Much quicker than {@link Liveness}, because it costs nothing to be wrong: the connection stays, its messages go another
 * way as well. For clients with a second connection.
 */
export class Doubt {
  readonly #options: DoubtOptions;
  #bytesRead = -1;
  /** Since when something waits to be answered. */
  #waitsSinceMs: number | null = null;
  #askedMs: number | null = null;
  #sentMs: number | null = null;
  #checkedMs: number | null = null;

  constructor(options: DoubtOptions) {
    this.#options = options;
  }

  get checkIntervalMs(): number {
    return Math.ceil(this.#options.askAfterMs / 2);
  }

  /** Something left for the server. */
  sent(nowMs: number): void {
    this.#sentMs = nowMs;
    this.#waitsSinceMs ??= nowMs;
  }

  /**
   * Every {@link checkIntervalMs}, with the socket's byte count and whether an ack is due. `ask`: send a ping now.
   */
  check(nowMs: number, bytesRead: number, ackDue: boolean): 'fine' | 'ask' | 'doubtful' {
    const slept = nowMs - (this.#checkedMs ?? nowMs) > sleptFactor * this.checkIntervalMs;
    // What was heard since may be older than what was sent since.
    const waits = ackDue || (this.#sentMs ?? -Infinity) > (this.#checkedMs ?? nowMs);
    this.#checkedMs = nowMs;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#waitsSinceMs = waits ? nowMs : null;
      this.#askedMs = null;
    }
    if (this.#waitsSinceMs === null) return 'fine';
    if (slept) {
      this.#waitsSinceMs = nowMs;
      this.#askedMs = null;
    }
    if (this.#askedMs !== null) {
      return nowMs - this.#askedMs >= this.#options.answerMsMax ? 'doubtful' : 'fine';
    }
    if (nowMs - this.#waitsSinceMs < this.#options.askAfterMs) return 'fine';
    this.#askedMs = nowMs;
    return 'ask';
  }
}
