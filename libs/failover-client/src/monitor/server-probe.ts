export interface ProbeOptions {
  /** If the server sends nothing for this long after a publish, a ping is due (milliseconds). */
  readonly pingAfterMs: number;
  /** If the server sends nothing for this long after that ping, the server is suspected (milliseconds). */
  readonly timeoutMs: number;
}

/**
 * If a check is later than this many check intervals, this process paused, and answers may be unread in the
 * socket.
 */
const pausedFactor = 3;

/**
 * Detects a server that does not respond: such a server does not answer a ping either, unlike a server that
 * waits for the cluster before it acknowledges. A probe is much quicker than {@link KeepAlive}, because a
 * wrong suspicion costs little: the connection stays open, and its messages are also sent on another
 * connection. So only clients with a second connection use a probe.
 */
export class ServerProbe {
  readonly #options: ProbeOptions;
  #bytesRead = -1;
  /** Time since which the probe waits for an answer of the server. Null if it expects no answer. */
  #waitingSinceMs: number | null = null;
  #pingedMs: number | null = null;
  #sentMs: number | null = null;
  #checkedMs: number | null = null;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  get checkIntervalMs(): number {
    return Math.ceil(this.#options.pingAfterMs / 2);
  }

  /** Must be called when a publish was sent to the server. */
  sent(nowMs: number): void {
    this.#sentMs = nowMs;
    this.#waitingSinceMs ??= nowMs;
  }

  /**
   * Must be called every {@link checkIntervalMs}, with the number of bytes that the socket has received, and whether an
   * acknowledgement is due. When it returns `ping`, the caller must send a ping.
   */
  check(nowMs: number, bytesRead: number, ackDue: boolean): 'ok' | 'ping' | 'suspected' {
    const paused = nowMs - (this.#checkedMs ?? nowMs) > pausedFactor * this.checkIntervalMs;
    // Bytes that arrived since the last check may be older than a publish that was sent since then.
    const waiting = ackDue || (this.#sentMs ?? -Infinity) > (this.#checkedMs ?? nowMs);
    this.#checkedMs = nowMs;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#waitingSinceMs = waiting ? nowMs : null;
      this.#pingedMs = null;
    }
    if (this.#waitingSinceMs === null) return 'ok';
    if (paused) {
      this.#waitingSinceMs = nowMs;
      this.#pingedMs = null;
    }
    if (this.#pingedMs !== null) {
      return nowMs - this.#pingedMs >= this.#options.timeoutMs ? 'suspected' : 'ok';
    }
    if (nowMs - this.#waitingSinceMs < this.#options.pingAfterMs) return 'ok';
    this.#pingedMs = nowMs;
    return 'ping';
  }
}
