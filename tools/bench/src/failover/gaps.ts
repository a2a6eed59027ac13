import type { Events } from './protocol.ts';

/** A break that long is no longer the distance between two messages. */
const breakMs = 250;
/** Served without a break for that long, a client counts as back. */
const backMs = 500;

/**
 * The gap that a client sees: the longest time without an ack (of a publisher) or a message (of a subscriber) that was not
 * over before the fault. So it lies between the last one before and the first one after, where a straggler that arrives just
 * after the fault, out of a buffer, does not end it; and it is never shorter than the distance between two messages.
 *
 * @param times rising, ms
 * @returns ms; Infinity when nothing has come any more
 */
export function gapOf(times: readonly number[], faultAtMs: number): number {
  const last = times.at(-1);
  if (last === undefined || last <= faultAtMs) return Infinity;
  let longest = 0;
  for (const [index, time] of times.entries()) {
    if (time <= faultAtMs) continue;
    longest = Math.max(longest, time - (times[index - 1] ?? faultAtMs));
  }
  return longest;
}

/** What happened to each series in one round. */
export class Observation {
  readonly #times = new Map<string, number[]>();

  add(events: Events): void {
    for (const [series, times] of Object.entries(events)) {
      const known = this.#times.get(series);
      if (known) known.push(...times);
      else this.#times.set(series, [...times]);
    }
  }

  get series(): string[] {
    return [...this.#times.keys()];
  }

  /** Whether every series has gone on without a break for half a second until now. */
  allServed(nowMs: number): boolean {
    return [...this.#times.values()].every((times) => servedForMs(times, nowMs) >= backMs);
  }

  gaps(faultAtMs: number): Record<string, number> {
    const entries = [...this.#times].map(([series, times]) => [series, gapOf(times, faultAtMs)] as const);
    return Object.fromEntries(entries);
  }
}

function servedForMs(times: readonly number[], nowMs: number): number {
  let after = nowMs;
  for (const time of times.toReversed()) {
    if (after - time > breakMs) break;
    after = time;
  }
  return nowMs - after;
}
