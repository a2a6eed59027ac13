/** A scan yields to the broker after this time, ms. */
const sliceMs = 5;

/** Yields the event loop between the slices of a long scan. */
export class Scan {
  #sliceEndsMs = performance.now() + sliceMs;
  readonly #endsMs: number;

  /** @param msMax time after which {@link isOver} is true */
  constructor(msMax = Infinity) {
    this.#endsMs = performance.now() + msMax;
  }

  /** Whether the scan has used its time. */
  get isOver(): boolean {
    return performance.now() >= this.#endsMs;
  }

  /** Call it after each small step. Resolves at once, or in a later turn of the event loop after 5 ms of work. */
  async yield(): Promise<void> {
    if (performance.now() < this.#sliceEndsMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#sliceEndsMs = performance.now() + sliceMs;
  }
}
