/** Position of a deadline that no heap has. */
export const notScheduled = -1;

export interface Deadline {
  /** Cluster time, ms. */
  readonly deadline: number;
  /** Position in the heap, or {@link notScheduled}. Only the heap changes it. */
  position: number;
}

/** A binary min-heap of deadlines. Each one knows its position, so that its removal needs no search. */
export class DeadlineHeap<T extends Deadline> {
  readonly #before: (left: T, right: T) => boolean;
  readonly #items: T[] = [];

  /** @param before a total order of the items */
  constructor(before: (left: T, right: T) => boolean) {
    this.#before = before;
  }

  push(item: T): void {
    item.position = this.#items.push(item) - 1;
    this.#siftUp(item.position);
  }

  /** Removes an item. Nothing happens if the heap does not have it any more. */
  cancel(item: Deadline): void {
    const { position } = item;
    if (position === notScheduled) return;
    item.position = notScheduled;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#place(last, position);
    this.#siftDown(this.#siftUp(position));
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  /** Removes and returns the first item that is due at `timeMs`. */
  popDue(timeMs: number): T | undefined {
    const first = this.#items[0];
    if (!first || first.deadline > timeMs) return undefined;
    this.cancel(first);
    return first;
  }

  /** @returns the new position */
  #siftUp(start: number): number {
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#swapIfBefore(position, parent)) break;
      position = parent;
    }
    return position;
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
    this.#place(other, candidate);
    this.#place(item, position);
    return true;
  }

  #place(item: T, position: number): void {
    this.#items[position] = item;
    item.position = position;
  }
}
