import type { Logger } from '@mqtt-cluster/contracts';
import { logIntervalMs } from './bounds.ts';

/**
 * Maximum number of tracked messages. The texts of this package and the number of peers limit the number of
 * distinct messages.
 */
const trackedMessagesMax = 256;

/**
 * Logs each pair of subject and message at most once per interval, with the number of suppressed repetitions.
 */
export class RateLimitedLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #last = new Map<string, { atMs: number; suppressed: number }>();

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  warn(subject: string, fields: object, message: string): void {
    const key = `${subject} ${message}`;
    const now = this.#now();
    const last = this.#last.get(key);
    if (last && now - last.atMs < logIntervalMs) {
      last.suppressed += 1;
      return;
    }
    if (this.#last.size >= trackedMessagesMax) this.#last.clear();
    this.#last.set(key, { atMs: now, suppressed: 0 });
    this.#logger.warn(last?.suppressed ? { ...fields, suppressed: last.suppressed } : fields, message);
  }
}
