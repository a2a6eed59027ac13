export interface KeepAliveOptions {
  readonly pingIntervalMs: number;
  readonly silenceMsMax: number;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  readonly sendPing: () => void;
  /** Called when nothing was received for `silenceMsMax`. */
  readonly onSilent: () => void;
}

const checksPerPing = 4;

/**
 * Sends pings and detects a silent server. The keep-alive of MQTT.js is not used: it waits only half an interval for the
 * response, so a broker that is busy for a moment would lose all its clients.
 */
export class KeepAlive {
  readonly #options: KeepAliveOptions;
  #receivedMs: number;
  /** Start of the server's silence. It is later than the last receipt if this process paused. */
  #silentSinceMs: number;
  #pingedMs: number;
  #checkedMs: number;
  #bytesRead = -1;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
    this.#receivedMs = this.#silentSinceMs = this.#pingedMs = this.#checkedMs = options.now();
  }

  /** When bytes were last received, in milliseconds of `now`. */
  get lastReceivedMs(): number {
    return this.#receivedMs;
  }

  get checkIntervalMs(): number {
    return Math.ceil(this.#options.pingIntervalMs / checksPerPing);
  }

  /** Must be called every {@link checkIntervalMs}, with the number of bytes that the socket has received. */
  check(bytesRead: number): void {
    const { now, pingIntervalMs, silenceMsMax, sendPing, onSilent } = this.#options;
    const nowMs = now();
    // If this process paused, responses may be unread in the socket. The client sends one more ping and waits
    // for its response.
    const paused = nowMs - this.#checkedMs > pingIntervalMs;
    this.#checkedMs = nowMs;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#receivedMs = this.#silentSinceMs = nowMs;
    }
    if (paused) this.#silentSinceMs = Math.max(this.#silentSinceMs, nowMs - silenceMsMax + pingIntervalMs);
    if (nowMs - this.#silentSinceMs >= silenceMsMax) {
      onSilent();
    } else if (paused || nowMs - this.#pingedMs >= pingIntervalMs) {
      this.#pingedMs = nowMs;
      sendPing();
    }
  }
}
