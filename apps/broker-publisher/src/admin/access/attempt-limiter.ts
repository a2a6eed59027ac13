import { networkOf } from '@mqtt-cluster/contracts';

/** Wrong credentials from one network that are answered at once. */
const attemptsMax = 10;
/** Time in which a network gets one further attempt. */
const attemptMs = 2_000;
const networksMax = 1_000;

interface Bucket {
  attempts: number;
  atMs: number;
}

/** The checks of one network that have not ended. */
interface Running {
  checks: number;
  readonly waiting: (() => void)[];
}

/**
 * Slows down guesses of tokens and passwords: each network has a number of attempts that fail, which fill up with time.
 * Without one, its requests with credentials are refused without a check. A correct request costs no attempt.
 */
export class AttemptLimiter {
  readonly #now: () => number;
  /** The networks with failed attempts, the one whose last failure is the oldest first. */
  readonly #buckets = new Map<string, Bucket>();
  /** Bounded by the connections of the HTTP server. */
  readonly #running = new Map<string, Running>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Checks credentials from an address. A request of this host counts for its address alone, so that guesses of other
   * hosts in the same IPv6 network do not lock the member's own host out. A network has at most as many checks at a
   * time as it has attempts; further ones wait. Otherwise guesses that arrive together would all be checked before the
   * first of them has failed.
   *
   * @returns null without a check if the network has no attempt
   */
  async check<Result>(
    { address, isLocal }: { readonly address: string; readonly isLocal: boolean },
    decide: () => Promise<Result> | Result,
    isGuess: (result: Result) => boolean,
  ): Promise<Result | null> {
    const network = isLocal ? address : networkOf(address);
    for (;;) {
      const attempts = this.#attempts(network);
      if (attempts < 1) return null;
      const running = this.#running.get(network);
      if (running === undefined || running.checks < Math.floor(attempts)) break;
      await new Promise<void>((resolve) => running.waiting.push(resolve));
    }
    this.#begin(network);
    try {
      const result = await decide();
      if (isGuess(result)) this.#onFailure(network);
      return result;
    } finally {
      this.#end(network);
    }
  }

  #begin(network: string): void {
    const running = this.#running.get(network);
    if (running === undefined) this.#running.set(network, { checks: 1, waiting: [] });
    else running.checks += 1;
  }

  #end(network: string): void {
    const running = this.#running.get(network)!;
    running.checks -= 1;
    if (running.checks === 0) this.#running.delete(network);
    for (const resume of running.waiting.splice(0)) resume();
  }

  #onFailure(network: string): void {
    const attempts = Math.max(0, this.#attempts(network) - 1);
    this.#buckets.delete(network);
    this.#buckets.set(network, { attempts, atMs: this.#now() });
    if (this.#buckets.size <= networksMax) return;
    const [oldest] = this.#buckets.keys();
    this.#buckets.delete(oldest!);
  }

  #attempts(network: string): number {
    const bucket = this.#buckets.get(network);
    if (bucket === undefined) return attemptsMax;
    return Math.min(attemptsMax, bucket.attempts + (this.#now() - bucket.atMs) / attemptMs);
  }
}
