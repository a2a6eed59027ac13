export interface LivenessOptions {
  readonly pingIntervalMs: number;
  readonly silenceMsMax: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly ping: () => void;
  readonly silent: () => void;
}

const checksPerPing = 4;

/**
 * Notices a silent server. Not the keep-alive of MQTT.js, which allows half an interval for the answer: a
 * broker that is busy for a moment would lose all its clients. `check` with the socket's byte count, often.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #heardMs: number;
  /** Silence counts from here. */
  #silentFromMs: number;
  #pingedMs: number;
  #checkedMs: number;
  #bytesRead = -1;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#heardMs = this.#silentFromMs = this.#pingedMs = this.#checkedMs = options.now();
  }

  get lastHeardMs(): number {
    return this.#heardMs;
  }

  get checkIntervalMs(): number {
    return Math.ceil(this.#options.pingIntervalMs / checksPerPing);
  }

  check(bytesRead: number): void {
    const { now, pingIntervalMs, silenceMsMax, ping, silent } = this.#options;
    const nowMs = now();
    // When we were the ones asleep, the answers may wait unread in the socket: grant one more ping.
    const slept = nowMs - this.#checkedMs > pingIntervalMs;
    this.#checkedMs = nowMs;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#heardMs = this.#silentFromMs = nowMs;
    }
    if (slept) this.#silentFromMs = Math.max(this.#silentFromMs, nowMs - silenceMsMax + pingIntervalMs);
    if (nowMs - this.#silentFromMs >= silenceMsMax) {
      silent();
    } else if (slept || nowMs - this.#pingedMs >= pingIntervalMs) {
      this.#pingedMs = nowMs;
      ping();
    }
  }
}
