import { Doubt } from './server-probe.ts';
import type { DoubtOptions } from './server-probe.ts';
import { Liveness } from './keep-alive.ts';

export interface ConnectionChecksOptions {
  readonly pingIntervalMs: number;
  readonly silenceMsMax: number;
  /** Null for a client without another connection. */
  readonly doubt: DoubtOptions | null;
  /** Of the socket, so far. */
  readonly bytesRead: () => number;
  /** Whether one is. */
  readonly ackDue: () => boolean;
  readonly ping: () => void;
  /** The server is taken for dead. */
  readonly silent: () => void;
  /** It has just begun not to answer, see {@link Doubt}. */
  readonly doubtful: () => void;
}

/** Whether the server of one connection is still there: the timers around {@link Liveness} and {@link Doubt}. */
export class ConnectionChecks {
  readonly #liveness: Liveness;
  readonly #doubt: Doubt | null;
  readonly #timers: NodeJS.Timeout[] = [];
  #doubtful = false;

  constructor(options: ConnectionChecksOptions) {
    const { bytesRead, ping, silent } = options;
    const now = (): number => performance.now();
    this.#liveness = new Liveness({ ...options, now, ping, silent });
    const { checkIntervalMs } = this.#liveness;
    this.#timers.push(setInterval(() => this.#liveness.check(bytesRead()), checkIntervalMs));
    this.#doubt = options.doubt && new Doubt(options.doubt);
    if (this.#doubt) this.#startDoubts(this.#doubt, options);
  }

  get lastHeardMs(): number {
    return this.#liveness.lastHeardMs;
  }

  get doubtful(): boolean {
    return this.#doubtful;
  }

  /** A publish has left. */
  sent(): void {
    this.#doubt?.sent(performance.now());
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#doubtful = false;
  }

  #startDoubts(doubt: Doubt, { bytesRead, ackDue, ping, doubtful }: ConnectionChecksOptions): void {
    const look = (): void => {
      const answer = doubt.check(performance.now(), bytesRead(), ackDue());
      if (answer === 'ask') ping();
      const before = this.#doubtful;
      this.#doubtful = answer === 'doubtful';
      if (this.#doubtful && !before) doubtful();
    };
    this.#timers.push(setInterval(look, doubt.checkIntervalMs));
  }
}
