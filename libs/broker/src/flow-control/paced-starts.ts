/**
 * TLS handshakes that a listener starts in one turn of the event loop. A handshake costs about a millisecond, so a turn
 * stays short, and heartbeats of the member are sent and read between two turns.
 */
export const handshakesPerTurnMax = 4;
/** CONNECTs that the broker handles in one turn. Each costs a few tenths of a millisecond. */
export const connectsPerTurnMax = 8;

/**
 * Starts costly work of new connections in order, a few starts in each turn of the event loop. When a member dies, its
 * clients connect to the others within a moment: without this bound, the work of one turn delays everything else for as
 * long as all of it takes. Work that has started does not delay others, so a stalled handshake occupies nothing.
 */
export class PacedStarts {
  readonly #perTurnMax: number;
  readonly #schedule: (turn: () => void) => void;
  #waiting: (() => void)[] = [];
  /** Index of the start that waits for the longest time. */
  #head = 0;
  #started = 0;
  #scheduled = false;

  /** @param schedule calls a function in the next turn; tests replace it */
  constructor(perTurnMax: number, schedule: (turn: () => void) => void = (turn) => void setImmediate(turn)) {
    this.#perTurnMax = perTurnMax;
    this.#schedule = schedule;
  }

  /** Starts that wait. Their connections are bounded like all that are not authenticated. */
  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  /** Starts at once, or in a later turn if this turn has started enough. */
  add(start: () => void): void {
    this.#scheduleTurn();
    if (this.waiting === 0 && this.#started < this.#perTurnMax) {
      this.#started++;
      start();
    } else this.#waiting.push(start);
  }

  #scheduleTurn(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#started = 0;
    if (this.waiting > 0) this.#scheduleTurn();
    while (this.waiting > 0 && this.#started < this.#perTurnMax) {
      const start = this.#waiting[this.#head]!;
      this.#head++;
      this.#started++;
      start();
    }
    if (this.waiting > 0) return;
    this.#waiting = [];
    this.#head = 0;
  }
}
