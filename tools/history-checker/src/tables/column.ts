const rowsAtStart = 1024;

/**
 * A growing column of numbers with eight, four or one bytes for each row, so that a million messages need little
 * memory.
 */
export class Column {
  #rows: Float64Array | Int32Array | Uint8Array;
  #length = 0;

  constructor(kind: 'float64' | 'int32' | 'uint8') {
    if (kind === 'float64') this.#rows = new Float64Array(rowsAtStart);
    else if (kind === 'int32') this.#rows = new Int32Array(rowsAtStart);
    else this.#rows = new Uint8Array(rowsAtStart);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#rows.length) this.#grow();
    this.#rows[this.#length++] = value;
  }

  get(row: number): number {
    return this.#rows[row] as number;
  }

  set(row: number, value: number): void {
    this.#rows[row] = value;
  }

  #grow(): void {
    const former = this.#rows;
    const length = former.length * 2;
    if (former instanceof Float64Array) this.#rows = new Float64Array(length);
    else if (former instanceof Int32Array) this.#rows = new Int32Array(length);
    else this.#rows = new Uint8Array(length);
    this.#rows.set(former);
  }
}

/**
 * Groups rows with a counting sort; the rows of a group stay in their order.
 * @param groupOf returns the group of a row, or -1 for no group
 */
export class Grouping {
  readonly #starts: Int32Array;
  readonly #rows: Int32Array;

  constructor(rows: number, groups: number, groupOf: (row: number) => number) {
    this.#starts = new Int32Array(groups + 1);
    for (let row = 0; row < rows; row++) {
      const group = groupOf(row);
      if (group >= 0) this.#starts[group + 1] = (this.#starts[group + 1] as number) + 1;
    }
    for (let group = 0; group < groups; group++) {
      this.#starts[group + 1] = (this.#starts[group + 1] as number) + (this.#starts[group] as number);
    }
    this.#rows = new Int32Array(this.#starts[groups] as number);
    const next = this.#starts.slice();
    for (let row = 0; row < rows; row++) {
      const group = groupOf(row);
      if (group < 0) continue;
      this.#rows[next[group] as number] = row;
      next[group] = (next[group] as number) + 1;
    }
  }

  of(group: number): Int32Array {
    return this.#rows.subarray(this.#starts[group], this.#starts[group + 1]);
  }
}
