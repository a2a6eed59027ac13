import { RateLimitedLog } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';

/** Interval between two lines about the same subject, ms. */
const intervalMs = 60_000;
/** Lines about all subjects within one interval. It bounds the log and the memory. */
const linesMax = 100;

/**
 * Logs what reached one limit. The same subject (a client, a user or an address) gets one line a minute, and all
 * subjects of the limit together get 100. The next line contains the number of lines that were left out.
 */
export class LimitLog {
  readonly #text: string;
  readonly #log: RateLimitedLog;

  /** @param text names the limit, its effect and the setting */
  constructor(logger: Logger, text: string, now: () => number = (): number => performance.now()) {
    this.#text = text;
    this.#log = new RateLimitedLog(logger, now, { intervalMs, linesMax });
  }

  report(subject: string, fields: Readonly<Record<string, unknown>>): void {
    this.#log.warn(subject, fields, this.#text);
  }
}
