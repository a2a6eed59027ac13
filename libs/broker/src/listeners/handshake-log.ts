import type { Logger } from '@mqtt-cluster/contracts';

/** Time over which failures are counted before one line reports them, ms. */
const intervalMs = 5_000;
/** Reasons that one line lists. */
const reasonsMax = 5;

/**
 * Logs failed handshakes: one line for all failures of a listener within five seconds, so that an attacker cannot fill
 * the log.
 */
export class HandshakeLog {
  readonly #logger: Logger;
  readonly #listener: string;
  readonly #reasons = new Map<string, number>();
  #count = 0;
  #address = '';
  #timer: NodeJS.Timeout | null = null;

  constructor(logger: Logger, listener: string) {
    this.#logger = logger;
    this.#listener = listener;
  }

  report(reason: string, address: string): void {
    this.#count++;
    this.#address = address;
    if (this.#reasons.has(reason) || this.#reasons.size < reasonsMax)
      this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    this.#timer ??= setTimeout(() => this.flush(), intervalMs).unref();
  }

  /** Writes the line now. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#count === 0) return;
    this.#logger.warn(
      {
        listener: this.#listener,
        failures: this.#count,
        reasons: Object.fromEntries(this.#reasons),
        lastAddress: this.#address,
      },
      'connections of clients failed before their first MQTT packet',
    );
    this.#count = 0;
    this.#reasons.clear();
  }
}
