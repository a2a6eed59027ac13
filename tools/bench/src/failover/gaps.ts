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

  /** Whether every series has gone on without a break for half a second until now. */
  allServed(nowMs: number): boolean {
    return [...this.#times.values()].every((times) => servedForMs(times, nowMs) >= backMs);
  }

  /** The longest silence of each before the fault, ms. */
  calm(faultAtMs: number): Record<string, number> {
    return Object.fromEntries(
      [...this.#times].map(([series, times]) => [series, longestBefore(times, faultAtMs)] as const),
    );
  }

  gaps(faultAtMs: number): Record<string, number> {
    const entries = [...this.#times].map(([series, times]) => [series, gapOf(times, faultAtMs)] as const);
    return Object.fromEntries(entries);
  }
}

/** The longest time between two of them, both before `untilMs`; 0 when there are not two. */
function longestBefore(times: readonly number[], untilMs: number): number {
  const before = times.filter((time) => time <= untilMs);
  return before.reduce((longest, time, index) => Math.max(longest, time - (before[index - 1] ?? time)), 0);
}

function servedForMs(times: readonly number[], nowMs: number): number {
  let after = nowMs;
  for (const time of times.toReversed()) {
    if (after - time > breakMs) break;
    after = time;
  }
  return nowMs - after;
}
