/** Limits a rate. The bucket holds up to `burst` tokens and gains `perSecond` tokens a second. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs: number | null = null;

  constructor(perSecond: number, burst: number = perSecond) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /**
   * Takes one token. Returns 0 if the bucket contained a token. Otherwise returns the time in ms until the
   * bucket has gained the missing tokens.
   */
  take(nowMs: number): number {
    const elapsedMs = nowMs - (this.#filledAtMs ?? nowMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#perSecond) / 1_000);
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / this.#perSecond);
  }

  /** Returns whether the bucket is full: it then equals a new bucket and may be discarded. */
  isFull(nowMs: number): boolean {
    const elapsedMs = nowMs - (this.#filledAtMs ?? nowMs);
    return this.#tokens + (elapsedMs * this.#perSecond) / 1_000 >= this.#burst;
  }
}
