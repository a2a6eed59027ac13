/** Connections that one turn of the event loop checks. A check takes about a microsecond. */
export const sweptPerTurnMax = 1_000;

interface Swept {
  sweep(nowMs: number): void;
}

/** Checks all connections once, in slices of several turns, so that many connections do not stop the event loop. */
export class SlicedSweep {
  readonly #connections: { values(): Iterable<Swept> };
  /** The connections that this sweep has not checked, in reverse order. */
  #waiting: Swept[] = [];
  #nextSlice: NodeJS.Immediate | null = null;

  constructor(connections: { values(): Iterable<Swept> }) {
    this.#connections = connections;
  }

  /** Checks the first slice now. Does nothing while the last sweep goes on. */
  run(nowMs: number): void {
    if (this.#waiting.length > 0) return;
    this.#waiting = [...this.#connections.values()].reverse();
    this.#slice(nowMs);
  }

  stop(): void {
    if (this.#nextSlice !== null) clearImmediate(this.#nextSlice);
    this.#nextSlice = null;
    this.#waiting = [];
  }

  #slice(nowMs: number): void {
    this.#nextSlice = null;
    for (let count = 0; count < sweptPerTurnMax; count++) this.#waiting.pop()?.sweep(nowMs);
    if (this.#waiting.length > 0) this.#nextSlice = setImmediate(() => this.#slice(nowMs));
  }
}
