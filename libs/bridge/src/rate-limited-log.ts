import type { Logger } from '@mqtt-cluster/contracts';
import { logIntervalMs } from './bounds.ts';

/**
 * Maximum number of tracked messages. The texts of this package and the number of peers limit the number of
 * distinct messages.
 */
const trackedMessagesMax = 256;

interface Line {
  atMs: number;
  suppressed: number;
  fields: object;
  readonly message: string;
}

/**
 * Logs each pair of subject and message at most once per interval. The repetitions within one interval follow as one
 * line with their number and the fields of the last one. Neither subject nor message may contain text that a client
 * chooses, because each new text would get a line of its own.
 */
export class RateLimitedLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #lines = new Map<string, Line>();

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  warn(subject: string, fields: object, message: string): void {
    const key = `${subject} ${message}`;
    const now = this.#now();
    const line = this.#lines.get(key);
    if (line && now - line.atMs < logIntervalMs) {
      line.suppressed += 1;
      line.fields = fields;
      return;
    }
    if (line) this.#write(line);
    else if (this.#lines.size >= trackedMessagesMax) this.#forgetOldest();
    this.#lines.set(key, { atMs: now, suppressed: 0, fields, message });
    this.#logger.warn(fields, message);
  }

  /** Writes the lines about repetitions whose interval is over; with `all`, those of all intervals. */
  flush(all = false): void {
    const now = this.#now();
    for (const [key, line] of this.#lines) {
      if (!all && now - line.atMs < logIntervalMs) continue;
      if (line.suppressed === 0) this.#lines.delete(key);
      this.#write(line);
    }
  }

  #write(line: Line): void {
    if (line.suppressed > 0) this.#logger.warn({ ...line.fields, suppressed: line.suppressed }, line.message);
    line.suppressed = 0;
    line.atMs = this.#now();
  }

  #forgetOldest(): void {
    const [oldest] = this.#lines;
    if (oldest === undefined) return;
    this.#write(oldest[1]);
    this.#lines.delete(oldest[0]);
  }
}
