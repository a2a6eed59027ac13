interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** Bound of the actions of one run. A run that exceeds it is an endless loop. */
const actionsPerRunMax = 20_000_000;

/** Virtual time: a heap of scheduled actions, ordered by time and then by the order of scheduling. */
export class Timeline {
  #nowMs = 0;
  #order = 0;
  #done = 0;
  readonly #heap: Scheduled[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): void {
    this.at(this.#nowMs + Math.max(0, delayMs), action);
  }

  /** Schedules an action. A time in the past counts as now. */
  at(timeMs: number, action: () => void): void {
    this.#order += 1;
    this.#push({ atMs: Math.max(timeMs, this.#nowMs), order: this.#order, action });
  }

  /** Runs all actions up to and including `timeMs`. @throws Error after {@link actionsPerRunMax} actions */
  runUntil(timeMs: number): void {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > timeMs) break;
      this.#pop();
      this.#nowMs = next.atMs;
      this.#done += 1;
      if (this.#done > actionsPerRunMax) throw new Error(`the run exceeded ${actionsPerRunMax} actions`);
      next.action();
    }
    this.#nowMs = Math.max(this.#nowMs, timeMs);
  }

  #push(entry: Scheduled): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent] as Scheduled;
      if (!isBefore(entry, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Scheduled;
    if (heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled))
        child += 1;
      const below = heap[child] as Scheduled;
      if (!isBefore(below, last)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = last;
  }
}

function isBefore(one: Scheduled, other: Scheduled): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
