import { nowMs } from './protocol.ts';
import type { Events, Tally } from './protocol.ts';

/** Largest number of recorded times. The bound protects the memory when the bench no longer reads the times. */
const timesMax = 1_000_000;

/** Records the times and the numbers of messages, by series, until the bench reads them. */
export class Recorder {
  #times = new Map<string, number[]>();
  #numbers = new Map<string, number[]>();
  #sent = new Map<string, number>();
  #count = 0;

  /** Records that a message was acknowledged or received now. */
  record(series: string): void {
    if (this.#count >= timesMax) return;
    this.#count++;
    add(this.#times, series, nowMs());
  }

  /** Records the number of a received message. */
  number(series: string, number: number): void {
    if (this.#count >= timesMax) return;
    this.#count++;
    add(this.#numbers, series, number);
  }

  /** Records that a client has published one more message. */
  sent(client: string): void {
    this.#sent.set(client, (this.#sent.get(client) ?? 0) + 1);
  }

  take(): Events {
    const events = Object.fromEntries(this.#times);
    this.#times = new Map();
    this.#count = 0;
    return events;
  }

  tally(): Tally {
    return { sent: Object.fromEntries(this.#sent), received: Object.fromEntries(this.#numbers) };
  }

  clear(): void {
    this.#times = new Map();
    this.#numbers = new Map();
    this.#sent = new Map();
    this.#count = 0;
  }
}

function add(lists: Map<string, number[]>, series: string, value: number): void {
  const list = lists.get(series);
  if (list) list.push(value);
  else lists.set(series, [value]);
}
