import type { Logger } from '@mqtt-cluster/contracts';
import { repeatedLogMs } from './bounds.ts';

/**
 * Complaints kept apart by their text; their number is bounded by the texts of this package and the peers.
 */
const complaintsMax = 256;

/** Warns at most once in `repeatedLogMs` for each (subject, message), and says how often it kept quiet. */
export class OccasionalLog {
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
    if (last && now - last.atMs < repeatedLogMs) {
      last.suppressed += 1;
      return;
    }
    if (this.#last.size >= complaintsMax) this.#last.clear();
    this.#last.set(key, { atMs: now, suppressed: 0 });
    this.#logger.warn(last?.suppressed ? { ...fields, suppressed: last.suppressed } : fields, message);
  }
}
