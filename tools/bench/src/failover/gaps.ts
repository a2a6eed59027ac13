import type { Events } from './protocol.ts';

/** Longest normal interval between two events of a series. A longer pause counts as a break in service. */
const breakMs = 250;
/** A client counts as served again after this time without a break. */
const backMs = 500;

/**
 * Returns the gap that a client observes: the longest time without an acknowledgement (publisher) or a message (subscriber)
 * that ended after the fault. A late packet from a buffer just after the fault does not end the gap, and the gap is never
 * shorter than the interval between two messages.
 *
 * @param times of the events, ascending, ms
 * @returns ms; Infinity without any event after the fault
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

/** Collects the times of the events of each series in one round. */
export class Observation {
  readonly #times = new Map<string, number[]>();

  add(events: Events): void {
    for (const [series, times] of Object.entries(events)) {
      const known = this.#times.get(series);
      if (known) known.push(...times);
      else this.#times.set(series, [...times]);
    }
  }

  /** Returns whether every series had service without a break during the last half second. */
  allServed(nowMs: number): boolean {
    return [...this.#times.values()].every((times) => servedForMs(times, nowMs) >= backMs);
  }

  /** Returns the longest pause of each series before the fault, ms. */
  calm(faultAtMs: number): Record<string, number> {
    return Object.fromEntries(
      [...this.#times].map(([series, times]) => [series, longestBefore(times, faultAtMs)] as const),
    );
  }

  /** Returns the gap of each series, see {@link gapOf}. */
  gaps(faultAtMs: number): Record<string, number> {
    const entries = [...this.#times].map(([series, times]) => [series, gapOf(times, faultAtMs)] as const);
    return Object.fromEntries(entries);
  }
}

/** Returns the longest time between two consecutive events before `untilMs`; 0 for fewer than two events. */
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
