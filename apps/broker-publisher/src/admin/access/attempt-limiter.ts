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

/**
 * Slows down guesses of tokens and passwords: each network has a number of attempts that fail, which fill up with time.
 * Without one, its requests with credentials are refused without a check. A correct request costs no attempt.
 */
export class AttemptLimiter {
  readonly #now: () => number;
  /** The networks with failed attempts, the one whose last failure is the oldest first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(now: () => number) {
    this.#now = now;
  }

  isLimited(address: string): boolean {
    return this.#attempts(networkOf(address)) < 1;
  }

  onFailure(address: string): void {
    const network = networkOf(address);
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
