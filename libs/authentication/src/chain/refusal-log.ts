import type { Credentials, Logger } from '@mqtt-cluster/contracts';

const intervalMs = 10_000;

/**
 * Logs refused logins: the first at once, further ones as one line with a count every ten seconds. The lines contain
 * neither user names nor passwords, because people sometimes enter a password as user name.
 */
export class RefusalLog {
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | null = null;
  #count = 0;
  #last: object = {};

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add({ client, address, listener }: Credentials, reason: string): void {
    this.#last = { client, address, listener, reason };
    this.#count++;
    if (this.#timer === null) this.#flush();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#count > 0) this.#write();
  }

  #flush(): void {
    this.#timer = null;
    if (this.#count === 0) return;
    this.#write();
    this.#timer = setTimeout(() => this.#flush(), intervalMs);
    this.#timer.unref();
  }

  #write(): void {
    this.#logger.warn({ count: this.#count, last: this.#last }, 'Logins were refused');
    this.#count = 0;
  }
}
