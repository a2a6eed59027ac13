import type { StatePage } from '@mqtt-cluster/contracts';

/** Collects the first items of an unordered sequence after a cursor. It keeps at most twice the limit of items. */
export class PageCollector<Item> {
  readonly #compare: (left: Item, right: Item) => number;
  readonly #limit: number;
  #items: Item[] = [];
  /** The largest item that can be part of the page. Null while any item can be. */
  #last: Item | null = null;

  /** @param compare a total order. Items that it calls equal are the same item. */
  constructor(compare: (left: Item, right: Item) => number, limit: number) {
    this.#compare = compare;
    // One item more shows whether another page follows.
    this.#limit = limit + 1;
  }

  add(item: Item): void {
    if (this.#last !== null && this.#compare(item, this.#last) >= 0) return;
    this.#items.push(item);
    if (this.#items.length >= 2 * this.#limit) this.#cut();
  }

  page<Cursor>(cursorOf: (item: Item) => Cursor): StatePage<Item, Cursor> {
    this.#cut();
    return pageOf(this.#items, this.#limit - 1, cursorOf);
  }

  #cut(): void {
    this.#items.sort(this.#compare);
    this.#items = this.#items
      .filter((item, place, items) => place === 0 || this.#compare(items[place - 1]!, item) !== 0)
      .slice(0, this.#limit);
    if (this.#items.length === this.#limit) this.#last = this.#items.at(-1)!;
  }
}

/** Returns a page of ordered items. One item beyond the limit shows that another page follows. */
export function pageOf<Item, Cursor>(
  items: readonly Item[],
  limit: number,
  cursorOf: (item: Item) => Cursor,
): StatePage<Item, Cursor> {
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return { items: page, next: items.length > limit && last !== undefined ? cursorOf(last) : null };
}
