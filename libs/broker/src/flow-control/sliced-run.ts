/** Time of the event loop that one slice may take, ms. The clients' packets are handled between two slices. */
const sliceMs = 2;

interface SlicedRunOptions<Item> {
  readonly visit: (item: Item) => void;
  /** All items of a run have been visited. */
  readonly onDone?: () => void;
}

/** Visits many items in slices of several turns, so that they do not block the event loop. */
export class SlicedRun<Item> {
  readonly #options: SlicedRunOptions<Item>;
  /** Items that this run has not visited yet. */
  #waiting: Item[] = [];
  #nextSlice: NodeJS.Immediate | null = null;

  constructor(options: SlicedRunOptions<Item>) {
    this.#options = options;
  }

  /** Starts a run, from the next turn on. Replaces a run that has not ended. */
  start(items: Iterable<Item>): void {
    this.#waiting = [...items];
    this.#nextSlice ??= setImmediate(() => this.#slice());
  }

  stop(): void {
    if (this.#nextSlice) clearImmediate(this.#nextSlice);
    this.#nextSlice = null;
    this.#waiting = [];
  }

  #slice(): void {
    this.#nextSlice = null;
    const endMs = performance.now() + sliceMs;
    while (this.#waiting.length > 0 && performance.now() < endMs) this.#options.visit(this.#waiting.pop()!);
    if (this.#waiting.length > 0) this.#nextSlice = setImmediate(() => this.#slice());
    else this.#options.onDone?.();
  }
}
