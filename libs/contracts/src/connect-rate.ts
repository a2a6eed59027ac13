import { TokenBucket } from './token-bucket.ts';

/** Addresses with a bucket of their own. Each takes about 200 bytes. */
const addressesMax = 10_000;
/** Seconds of the permitted rate that one address may use at once, for instance after a network failure. */
const burstSeconds = 5;

/** Limits the new connections of each address. 0 connections a second disable the limit. */
export class ConnectRate {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, TokenBucket>();
  /**
   * Serves all addresses without a bucket of their own. It keeps the memory bounded while connections come from more
   * than `addressesMax` addresses, and leaves the addresses with a bucket unaffected.
   */
  readonly #others: TokenBucket;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#others = this.#newBucket();
  }

  /** Addresses that the limit remembers at the moment. */
  get size(): number {
    return this.#buckets.size;
  }

  /** @param key the network of the address, see `networkOf` */
  admit(key: string, nowMs: number): boolean {
    if (this.#perSecond === 0) return true;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= addressesMax) return this.#others.tryTake(nowMs);
      bucket = this.#newBucket();
      this.#buckets.set(key, bucket);
    }
    return bucket.tryTake(nowMs);
  }

  /** Discards the buckets that are full again. */
  sweep(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(nowMs)) this.#buckets.delete(key);
  }

  #newBucket(): TokenBucket {
    return new TokenBucket(this.#perSecond, this.#perSecond * burstSeconds);
  }
}
