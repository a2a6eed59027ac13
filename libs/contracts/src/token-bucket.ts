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
   * Takes one token if the bucket contains one. A refused attempt costs nothing, so attempts that come too fast do
   * not delay the ones after them.
   */
  tryTake(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /**
   * Takes tokens for something that has already happened. Returns 0 if the bucket contained them. Otherwise the
   * bucket owes tokens, and the result is the time in ms until it has gained them.
   */
  take(nowMs: number, tokens = 1): number {
    this.#fill(nowMs);
    this.#tokens -= tokens;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / this.#perSecond);
  }

  /** Returns the time in ms until the bucket contains a token, 0 if it contains one. */
  tokenMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1_000) / this.#perSecond);
  }

  /** Returns whether the bucket is full: it then equals a new bucket and may be discarded. */
  isFull(nowMs: number): boolean {
    const elapsedMs = nowMs - (this.#filledAtMs ?? nowMs);
    return this.#tokens + (elapsedMs * this.#perSecond) / 1_000 >= this.#burst;
  }

  #fill(nowMs: number): void {
    const elapsedMs = nowMs - (this.#filledAtMs ?? nowMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#perSecond) / 1_000);
  }
}
