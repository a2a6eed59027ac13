import type { Logger } from '@mqtt-cluster/contracts';

/** Interval of the log lines about refusals for the same reason. */
const repeatMs = 60_000;

/**
 * The log of attempts that a repetition does not help: a server refuses the credentials, a certificate is not valid, or a
 * file cannot be read. Each reason is logged once, then once a minute with the number of attempts.
 */
export class RefusalLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  #reason = '';
  #attempts = 0;
  #loggedMs = 0;

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  report(server: string, reason: string): void {
    const nowMs = this.#now();
    this.#attempts = reason === this.#reason ? this.#attempts + 1 : 1;
    if (this.#attempts > 1 && nowMs - this.#loggedMs < repeatMs) return;
    this.#reason = reason;
    this.#loggedMs = nowMs;
    this.#logger.error(
      { server, reason, attempts: this.#attempts },
      'this client was refused and retries slowly',
    );
  }

  /** Must be called when a server has accepted the client. */
  accepted(server: string): void {
    if (this.#reason === '') return;
    this.#logger.info(
      { server, reason: this.#reason, attempts: this.#attempts },
      'this client was accepted after refusals',
    );
    this.#reason = '';
    this.#attempts = 0;
  }
}
