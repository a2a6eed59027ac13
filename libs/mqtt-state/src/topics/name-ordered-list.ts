/** A block that grows beyond this length is split. Smaller blocks need more comparisons, larger ones copy more. */
const blockLengthMax = 256;

interface Named {
  readonly name: string;
}

/**
 * Items with unique names, in the order of their UTF-16 code units. An insertion or a removal copies at most
 * one block.
 */
export class NameOrderedList<Item extends Named> {
  readonly #blocks: Item[][] = [];

  /** @param items with unique names, in any order */
  constructor(items: Iterable<Item> = []) {
    const sorted = [...items].sort((left, right) => (left.name < right.name ? -1 : 1));
    // Half a block leaves room for insertions.
    const length = blockLengthMax / 2;
    for (let from = 0; from < sorted.length; from += length)
      this.#blocks.push(sorted.slice(from, from + length));
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  find(name: string): Item | undefined {
    const block = this.#blocks[this.#blockOf(name)];
    const item = block?.[lowerBound(block, name)];
    return item?.name === name ? item : undefined;
  }

  /** Adds an item whose name is not in the list. */
  add(item: Item): void {
    const place = this.#blockOf(item.name);
    const block = this.#blocks[place];
    if (!block) {
      this.#blocks.push([item]);
      return;
    }
    block.splice(lowerBound(block, item.name), 0, item);
    if (block.length > blockLengthMax) this.#blocks.splice(place + 1, 0, block.splice(blockLengthMax / 2));
  }

  remove(name: string): void {
    const place = this.#blockOf(name);
    const block = this.#blocks[place];
    if (!block) return;
    const slot = lowerBound(block, name);
    if (block[slot]?.name !== name) return;
    block.splice(slot, 1);
    if (block.length === 0) this.#blocks.splice(place, 1);
  }

  /**
   * Visits the items whose names are not below `from`, in order, until `visit` returns false. The list must
   * not change meanwhile.
   * @returns false if `visit` returned false
   */
  visitFrom(from: string, visit: (item: Item) => boolean): boolean {
    let place = this.#blockOf(from);
    let slot = lowerBound(this.#blocks[place] ?? [], from);
    for (let block = this.#blocks[place]; block; block = this.#blocks[++place]) {
      for (; slot < block.length; slot++) {
        if (!visit(block[slot] as Item)) return false;
      }
      slot = 0;
    }
    return true;
  }

  /** Returns the position of the last block whose first name is not above `name`, or 0. */
  #blockOf(name: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#blocks[middle]?.[0]?.name ?? '') <= name) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Returns the first position whose name is not below `name`. */
function lowerBound(items: readonly Named[], name: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle]?.name ?? '') < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
