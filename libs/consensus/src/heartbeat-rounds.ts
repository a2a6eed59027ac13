/**
 * Start times are kept for this many rounds. A response to an older round does not prove that the peer is
 * alive.
 */
const roundsKept = 64;

/**
 * Records when each round of heartbeats was sent. A response proves that its sender was alive when the round
 * was sent, not when the response arrives, because the response may have been delayed (thesis, 6.4).
 */
export class HeartbeatRounds {
  readonly #sentAtMs: number[] = new Array<number>(roundsKept).fill(-Infinity);
  current = 0;

  begin(nowMs: number): void {
    this.current += 1;
    this.#sentAtMs[this.current % roundsKept] = nowMs;
  }

  /** Returns the start time of a round, or -Infinity for a round that is unknown or too old. */
  sentAtMs(round: number): number {
    const known = Number.isInteger(round) && round <= this.current && round > this.current - roundsKept;
    return known && round > 0 ? this.#sentAtMs[round % roundsKept]! : -Infinity;
  }
}
