import type { Logger } from './logger.ts';

export interface RateLimitedLogOptions {
  /** Interval between two lines about the same subject, ms. */
  readonly intervalMs: number;
  /** Lines of all subjects within one interval. It bounds the log, and the memory of this object. */
  readonly linesMax: number;
}

/**
 * Logs each pair of subject and message at most once per interval, and all pairs together at most a number of times.
 * The next line of a subject states how many lines were suppressed: `suppressed` for the same subject and message,
 * `suppressedOthers` for subjects beyond the number of lines.
 */
export class RateLimitedLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #options: RateLimitedLogOptions;
  /** Suppressed lines of each pair that has a line in this interval. */
  #pairs = new Map<string, number>();
  /** The pairs of the previous interval that had suppressed lines. */
  #earlier = new Map<string, number>();
  #suppressedOthers = 0;
  #sinceMs = -Infinity;

  /** @param now the time of a monotonic clock, ms */
  constructor(logger: Logger, now: () => number, options: RateLimitedLogOptions) {
    this.#logger = logger;
    this.#now = now;
    this.#options = options;
  }

  warn(subject: string, fields: object, message: string): void {
    this.#startInterval();
    const pair = `${subject} ${message}`;
    const repetitions = this.#pairs.get(pair);
    if (repetitions !== undefined) {
      this.#pairs.set(pair, repetitions + 1);
      return;
    }
    if (this.#pairs.size >= this.#options.linesMax) {
      this.#suppressedOthers++;
      return;
    }
    const suppressed = this.#earlier.get(pair) ?? 0;
    const suppressedOthers = this.#suppressedOthers;
    this.#suppressedOthers = 0;
    this.#pairs.set(pair, 0);
    this.#logger.warn(
      {
        ...fields,
        ...(suppressed > 0 && { suppressed }),
        ...(suppressedOthers > 0 && { suppressedOthers }),
      },
      message,
    );
  }

  #startInterval(): void {
    const nowMs = this.#now();
    if (nowMs - this.#sinceMs < this.#options.intervalMs) return;
    this.#sinceMs = nowMs;
    this.#earlier = new Map([...this.#pairs].filter(([, repetitions]) => repetitions > 0));
    this.#pairs = new Map();
  }
}
