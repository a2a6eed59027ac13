import type { Gain } from './protocol.ts';

/** Counts what an attacker gets. */
export class GainCounter {
  readonly #counts = new Map<string, number>();

  add(what: string, count = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  get(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  get counts(): Gain {
    return Object.fromEntries(this.#counts);
  }
}

/** Adds up what all processes of an attack have got. */
export function sumOfGains(gains: readonly Gain[]): Gain {
  const sum = new GainCounter();
  for (const gain of gains) for (const [what, count] of Object.entries(gain)) sum.add(what, count);
  return sum.counts;
}
