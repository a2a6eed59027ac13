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
  readonly #logger: Logger;
  readonly #text: string;
  readonly #now: () => number;
  readonly #subjects = new Set<string>();
  #suppressed = 0;
  #sinceMs = -Infinity;

  /** @param text names the limit, its effect and the setting */
  constructor(logger: Logger, text: string, now: () => number = (): number => performance.now()) {
    this.#logger = logger;
    this.#text = text;
    this.#now = now;
  }

  report(subject: string, fields: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#now();
    if (nowMs - this.#sinceMs >= intervalMs) {
      this.#subjects.clear();
      this.#sinceMs = nowMs;
    }
    if (this.#subjects.has(subject) || this.#subjects.size >= linesMax) {
      this.#suppressed++;
      return;
    }
    this.#subjects.add(subject);
    const suppressed = this.#suppressed === 0 ? {} : { suppressed: this.#suppressed };
    this.#suppressed = 0;
    this.#logger.warn({ ...fields, ...suppressed }, this.#text);
  }
}
