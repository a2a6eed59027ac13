export interface Deadline {
  /** Cluster time, ms. */
  readonly deadline: number;
  cancelled: boolean;
}

/** Cancelled items that the heap keeps before it removes all of them at once. */
const cancelledMax = 64;

/** A binary min-heap of deadlines that skips cancelled items. */
export class DeadlineHeap<T extends Deadline> {
  readonly #before: (left: T, right: T) => boolean;
  #items: T[] = [];
  #cancelled = 0;

  /** @param before a total order of the items */
  constructor(before: (left: T, right: T) => boolean) {
    this.#before = before;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#siftUp(this.#items.length - 1);
  }

  cancel(item: Deadline): void {
    if (item.cancelled) return;
    item.cancelled = true;
    this.#cancelled++;
    if (this.#cancelled > cancelledMax && this.#cancelled * 2 > this.#items.length) this.#rebuild();
  }

  /** The first item that is not cancelled. */
  peek(): T | undefined {
    let first = this.#items[0];
    while (first?.cancelled) {
      this.#removeFirst();
      this.#cancelled--;
      first = this.#items[0];
    }
    return first;
  }

  /** Removes and returns the first item that is due at `timeMs`. */
  popDue(timeMs: number): T | undefined {
    const first = this.peek();
    if (!first || first.deadline > timeMs) return undefined;
    this.#removeFirst();
    first.cancelled = true;
    return first;
  }

  #rebuild(): void {
    const kept = this.#items.filter((item) => !item.cancelled);
    this.#items = [];
    this.#cancelled = 0;
    for (const item of kept) this.push(item);
  }

  #removeFirst(): void {
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return;
    this.#items[0] = last;
    this.#siftDown(0);
  }

  #siftUp(start: number): void {
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#swapIfBefore(position, parent)) return;
      position = parent;
    }
  }

  #siftDown(start: number): void {
    let position = start;
    for (;;) {
      const left = position * 2 + 1;
      const right = left + 1;
      const leftItem = this.#items[left];
      const rightItem = this.#items[right];
      if (leftItem === undefined) return;
      const child = rightItem !== undefined && this.#before(rightItem, leftItem) ? right : left;
      if (!this.#swapIfBefore(child, position)) return;
      position = child;
    }
  }

  #swapIfBefore(candidate: number, position: number): boolean {
    const item = this.#items[candidate];
    const other = this.#items[position];
    if (item === undefined || other === undefined || !this.#before(item, other)) return false;
    this.#items[candidate] = other;
    this.#items[position] = item;
    return true;
  }
}
