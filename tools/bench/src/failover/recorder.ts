import { nowMs } from './protocol.ts';
import type { Events } from './protocol.ts';

/** Largest number of recorded times. The bound protects the memory when the bench no longer reads the times. */
const timesMax = 1_000_000;

/** Records the times of events, by series, until the bench reads them. */
export class Recorder {
  #times = new Map<string, number[]>();
  #count = 0;

  record(series: string): void {
    if (this.#count >= timesMax) return;
    this.#count++;
    const times = this.#times.get(series);
    if (times) times.push(nowMs());
    else this.#times.set(series, [nowMs()]);
  }

  take(): Events {
    const events = Object.fromEntries(this.#times);
    this.#times = new Map();
    this.#count = 0;
    return events;
  }
}
