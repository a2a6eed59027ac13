/**
 * TLS handshakes that a listener starts in one turn of the event loop. A handshake costs about a millisecond, so a turn
 * stays short, and heartbeats of the member are sent and read between two turns.
 */
const startsPerTurnMax = 4;

/**
 * Starts the TLS handshakes of a listener in order, a few in each turn of the event loop. When a member dies, its clients
 * connect to the others within a moment: without this bound, the handshakes of one turn delay everything else for as long
 * as all of them take. A handshake that has started does not delay others, so a stalled one occupies nothing.
 */
export class HandshakeTurns {
  readonly #schedule: (turn: () => void) => void;
  #waiting: (() => void)[] = [];
  /** Index of the handshake that waits for the longest time. */
  #head = 0;
  #started = 0;
  #scheduled = false;

  /** @param schedule calls a function in the next turn; tests replace it */
  constructor(schedule: (turn: () => void) => void = (turn) => void setImmediate(turn)) {
    this.#schedule = schedule;
  }

  /** Handshakes that wait for their start. Their connections are bounded like all that are not authenticated. */
  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  /** Starts a handshake at once, or in a later turn if this turn has started enough. */
  add(start: () => void): void {
    this.#scheduleTurn();
    if (this.waiting === 0 && this.#started < startsPerTurnMax) {
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
    while (this.waiting > 0 && this.#started < startsPerTurnMax) {
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
