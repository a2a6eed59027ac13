/** Rounds whose time is remembered. An answer that is later than this many heartbeats proves nothing. */
const roundsKept = 64;

/** When each round of heartbeats left: an answer proves that its sender was alive then, not when it arrives. */
export class Rounds {
  readonly #sentAtMs: number[] = new Array<number>(roundsKept).fill(-Infinity);
  current = 0;

  begin(nowMs: number): void {
    this.current += 1;
    this.#sentAtMs[this.current % roundsKept] = nowMs;
  }

  sentAtMs(round: number): number {
    const known = Number.isInteger(round) && round <= this.current && round > this.current - roundsKept;
    return known && round > 0 ? this.#sentAtMs[round % roundsKept]! : -Infinity;
  }
}
