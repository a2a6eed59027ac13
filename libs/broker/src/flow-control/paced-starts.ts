/**
 * Most TLS handshakes that a listener starts in one turn of the event loop. A handshake costs about a millisecond, so a turn
 * stays short, and heartbeats of the member are sent and read between two turns.
 */
export const handshakesPerTurnMax = 4;
/** Most CONNECTs that the broker handles in one turn. Each costs a few tenths of a millisecond. */
export const connectsPerTurnMax = 8;
/**
 * Most CONNACKs that the broker prepares in one turn. Each costs a few tenths of a millisecond, and one entry of the log can open
 * the sessions of hundreds of clients.
 */
export const acceptancesPerTurnMax = 8;

/**
 * Most clients with large publishes that the broker reads again in one turn. Each has up to some megabytes in the buffers
 * of the kernel.
 */
export const resumesPerTurnMax = 4;
/**
 * Time from one turn to the next while starts wait, ms. It includes all other work of the event loop. A turn that takes
 * longer is followed by one with half as many starts, so a slow host, or code that V8 has not optimized yet, does not make
 * the turns long.
 */
const turnMsMax = 5;
/** Starts of a turn, however long the turns take, so that the clients of a busy member connect before they give up. */
const perTurnMin = 2;

/** Started entries at the head of the queue after which the queue is shortened. */
const startedEntriesMax = 1_024;

/** Starts the work of a connection. Returns false if the connection has ended, so that nothing was started. */
type Start = () => boolean;

/**
 * Starts costly work of new connections in order, a few starts in each turn of the event loop. When a member dies, its
 * clients connect to the others within a moment: without this bound, the work of one turn delays everything else for as
 * long as all of it takes. Work that has started does not delay others, so a stalled handshake occupies nothing.
 */
export class PacedStarts {
  readonly #perTurnMax: number;
  readonly #schedule: (turn: () => void) => void;
  readonly #now: () => number;
  /** Starts of one turn, as the last turns permit. */
  #allowed: number;
  /** When the last turn began, if starts have waited since. */
  #turnedAtMs: number | null = null;
  #waiting: (Start | null)[] = [];
  /** Index of the start that waits for the longest time. */
  #head = 0;
  #started = 0;
  #scheduled = false;

  /**
   * @param schedule calls a function in the next turn; tests replace it
   * @param now monotonic milliseconds; tests replace it
   */
  constructor(
    perTurnMax: number,
    schedule: (turn: () => void) => void = (turn) => void setImmediate(turn),
    now: () => number = () => performance.now(),
  ) {
    this.#perTurnMax = perTurnMax;
    this.#allowed = perTurnMax;
    this.#schedule = schedule;
    this.#now = now;
  }

  /** Starts that wait. Their connections are bounded like all that are not authenticated. */
  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  /** Starts at once, or in a later turn if this turn has started enough. */
  add(start: Start): void {
    this.#scheduleTurn();
    if (this.waiting === 0 && this.#started < this.#allowed) this.#run(start);
    else this.#waiting.push(start);
  }

  /** An ended connection uses up no start of the turn. */
  #run(start: Start): void {
    if (start()) this.#started++;
  }

  /** Removes the oldest start. The queue does not keep it, because it keeps its connection. */
  #take(): Start {
    const start = this.#waiting[this.#head]!;
    this.#waiting[this.#head] = null;
    this.#head++;
    if (this.waiting === 0 || this.#head > startedEntriesMax) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    return start;
  }

  #scheduleTurn(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#started = 0;
    this.#adapt();
    if (this.waiting > 0) this.#scheduleTurn();
    while (this.waiting > 0 && this.#started < this.#allowed) this.#run(this.#take());
  }

  /** Halves the starts of a turn after a long turn, and permits one more after a short one. */
  #adapt(): void {
    const nowMs = this.#now();
    const isLong = this.#turnedAtMs !== null && nowMs - this.#turnedAtMs > turnMsMax;
    this.#allowed = isLong
      ? Math.max(perTurnMin, Math.floor(this.#allowed / 2))
      : Math.min(this.#perTurnMax, this.#allowed + 1);
    this.#turnedAtMs = this.waiting > 0 ? nowMs : null;
  }
}
