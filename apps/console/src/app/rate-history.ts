import type { Member, Overview } from '../api/types.ts';

/** Rates of all members together. Null: no member reported the figure. */
export interface Totals {
  readonly received: readonly [number, number, number] | null;
  readonly delivered: readonly [number, number, number] | null;
  readonly dropped: number | null;
  /** The median latency of acknowledgements of the slowest member, milliseconds. */
  readonly ackMsP50: number | null;
  readonly ackMsP99: number | null;
}

/** Samples that are kept: five minutes at one sample in two seconds. */
export const samplesMax = 150;

function largest(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value): value is number => typeof value === 'number');
  return known.length === 0 ? null : Math.max(...known);
}

/** Adds up the rates of the members that report rates. */
export function totals(members: readonly Member[]): Totals {
  const rates = members.flatMap((member) =>
    member.rates === undefined || !member.reachable ? [] : [member.rates],
  );
  if (rates.length === 0)
    return { received: null, delivered: null, dropped: null, ackMsP50: null, ackMsP99: null };
  const sum = (pick: (item: (typeof rates)[number]) => number | undefined): number =>
    rates.reduce((total, item) => total + (pick(item) ?? 0), 0);
  const byQoS = (pick: (item: (typeof rates)[number]) => readonly number[]): [number, number, number] => [
    sum((item) => pick(item)[0]),
    sum((item) => pick(item)[1]),
    sum((item) => pick(item)[2]),
  ];
  return {
    received: byQoS((item) => item.receivedPerSecond),
    delivered: byQoS((item) => item.deliveredPerSecond),
    dropped: sum((item) => item.droppedPerSecond),
    ackMsP50: largest(rates.map((item) => item.ackMsP50)),
    ackMsP99: largest(rates.map((item) => item.ackMsP99)),
  };
}

/** The rates of the last five minutes, for the charts. */
export class RateHistory {
  readonly #times: number[] = [];
  readonly #samples: Totals[] = [];

  add(overview: Overview): void {
    const seconds = overview.atMs / 1000;
    const last = this.#times.at(-1);
    // A chart needs ascending times. After a change of the asked member its clock may be behind.
    if (last !== undefined && seconds <= last) return;
    this.#times.push(seconds);
    this.#samples.push(totals(overview.members));
    if (this.#times.length > samplesMax) {
      this.#times.shift();
      this.#samples.shift();
    }
  }

  get length(): number {
    return this.#times.length;
  }

  /** Times in Unix seconds, ascending. */
  get times(): readonly number[] {
    return this.#times;
  }

  series(pick: (sample: Totals) => number | null | undefined): (number | null)[] {
    return this.#samples.map((sample) => pick(sample) ?? null);
  }
}
