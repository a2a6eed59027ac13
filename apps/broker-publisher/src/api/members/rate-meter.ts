import type { MemberRates } from '@mqtt-cluster/api';

type PerQos = readonly [number, number, number];

/** Totals since the start of the member. */
interface RateTotals {
  readonly received: PerQos;
  readonly delivered: PerQos;
  readonly dropped: number;
}

export interface RateMeterOptions {
  readonly totals: () => RateTotals;
  /** Durations of the last commits at this member, ms. */
  readonly commits: () => readonly number[];
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface Sample extends RateTotals {
  readonly atMs: number;
}

/** A rate is a mean over at least this time, if there is an older sample. */
const intervalMsMin = 2_000;
/** Samples that are older than this describe the past, not the present. */
const intervalMsMax = 15_000;
const samplesMax = 32;
const msPerSecond = 1_000;

/**
 * Computes the rates of a member from its totals. It takes a sample only when a page asks for rates, so that rates cost
 * nothing between such requests.
 */
export class RateMeter {
  readonly #options: RateMeterOptions;
  #samples: Sample[] = [];

  constructor(options: RateMeterOptions) {
    this.#options = options;
  }

  /** Takes a sample. Returns the rates since an earlier sample, or null if there is no recent one. */
  sample(): MemberRates | null {
    const { totals, commits, now } = this.#options;
    const atMs = now();
    const { received, delivered, dropped } = totals();
    const sample: Sample = { atMs, received: [...received], delivered: [...delivered], dropped };
    const recent = this.#samples.filter((each) => atMs - each.atMs <= intervalMsMax);
    const earlier = recent.findLast((each) => atMs - each.atMs >= intervalMsMin) ?? recent[0];
    this.#samples = [...recent, sample].slice(-samplesMax);
    if (earlier === undefined || atMs <= earlier.atMs) return null;
    const seconds = (atMs - earlier.atMs) / msPerSecond;
    const rate = (total: number, before: number): number => Math.max(0, total - before) / seconds;
    const sorted = commits().toSorted((left, right) => left - right);
    return {
      receivedPerSecond: received.map((total, qos) => rate(total, earlier.received[qos]!)),
      deliveredPerSecond: delivered.map((total, qos) => rate(total, earlier.delivered[qos]!)),
      droppedPerSecond: rate(dropped, earlier.dropped),
      ackMsP50: quantile(sorted, 0.5),
      ackMsP99: quantile(sorted, 0.99),
    };
  }
}

function quantile(sorted: readonly number[], share: number): number | null {
  if (sorted.length === 0) return null;
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
