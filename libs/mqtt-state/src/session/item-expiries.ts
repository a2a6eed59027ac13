/** The queue that the items belong to. */
interface Queue {
  readonly size: number;
  has(number: number): boolean;
}

/** Expiries of removed items are discarded when they outnumber the items of the queue by more than this. */
const removedMax = 32;

/**
 * The expiries of the items of one queue: a binary min-heap in two arrays, without an object for each item, because a queue
 * can have many. Equal deadlines are in the order of their items. The expiry of a removed item stays until it is the first
 * one, or until such expiries are more than the items.
 */
export class ItemExpiries {
  readonly #queue: Queue;
  readonly #deadlines: number[] = [];
  readonly #numbers: number[] = [];
  /** The items that stay although their expiry has passed. */
  #passed: Set<number> | null = null;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Cluster time in ms at which the first item expires, or Infinity. */
  get first(): number {
    return this.#deadlines[0] ?? Infinity;
  }

  /** @param deadline cluster time, ms */
  add(deadline: number, number: number): void {
    const position = this.#numbers.push(number) - 1;
    this.#deadlines.push(deadline);
    this.#siftUp(position);
  }

  /** Removes the first expiry. @returns the number of its item */
  takeFirst(): number | undefined {
    const number = this.#numbers[0];
    this.#removeFirst();
    this.#skipRemoved();
    return number;
  }

  /** Remembers that the expiry of an item has passed, and that the item stays. */
  pass(number: number): void {
    (this.#passed ??= new Set()).add(number);
  }

  /** Returns the items whose expiries have passed since the last call, in the order of these expiries. */
  takePassed(): Iterable<number> {
    const passed = this.#passed ?? [];
    this.#passed = null;
    return passed;
  }

  /** Must be called after the removal of an item from the queue. */
  removed(number: number): void {
    this.#passed?.delete(number);
    if (this.#numbers[0] === number) this.#skipRemoved();
    if (this.#numbers.length > 2 * this.#queue.size + removedMax) this.#discardRemoved();
  }

  #skipRemoved(): void {
    while (this.#numbers.length > 0 && !this.#queue.has(this.#numbers[0]!)) this.#removeFirst();
  }

  #discardRemoved(): void {
    let kept = 0;
    for (const [position, number] of this.#numbers.entries())
      if (this.#queue.has(number)) this.#place(kept++, this.#deadlines[position]!, number);
    this.#numbers.length = kept;
    this.#deadlines.length = kept;
    for (let position = (kept >> 1) - 1; position >= 0; position--) this.#siftDown(position);
  }

  #removeFirst(): void {
    const number = this.#numbers.pop();
    const deadline = this.#deadlines.pop();
    if (number === undefined || deadline === undefined || this.#numbers.length === 0) return;
    this.#place(0, deadline, number);
    this.#siftDown(0);
  }

  #siftUp(start: number): void {
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#isBefore(position, parent)) return;
      this.#swap(position, parent);
      position = parent;
    }
  }

  #siftDown(start: number): void {
    const end = this.#numbers.length;
    let position = start;
    for (;;) {
      const left = position * 2 + 1;
      if (left >= end) return;
      const child = left + 1 < end && this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#isBefore(child, position)) return;
      this.#swap(child, position);
      position = child;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const deadline = this.#deadlines[left]!;
    const other = this.#deadlines[right]!;
    return deadline < other || (deadline === other && this.#numbers[left]! < this.#numbers[right]!);
  }

  #swap(left: number, right: number): void {
    const deadline = this.#deadlines[left]!;
    const number = this.#numbers[left]!;
    this.#place(left, this.#deadlines[right]!, this.#numbers[right]!);
    this.#place(right, deadline, number);
  }

  #place(position: number, deadline: number, number: number): void {
    this.#deadlines[position] = deadline;
    this.#numbers[position] = number;
  }
}
