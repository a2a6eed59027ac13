import { printable } from '../text/printable.ts';
import { table } from '../text/table.ts';

/** The streams of a program. */
export interface Streams {
  readonly out: (text: string | Uint8Array) => void;
  readonly err: (text: string) => void;
  /** Whether a person sees standard error. */
  readonly interactive: boolean;
}

/** Writes results to standard output, and everything else to standard error. */
export class Output {
  readonly #streams: Streams;
  readonly json: boolean;

  constructor(streams: Streams, json: boolean) {
    this.#streams = streams;
    this.json = json;
  }

  /** Prints a result: as JSON with `--json`, otherwise as the text of `format`. */
  show<T>(value: T, format: (value: T) => string): void {
    if (this.json) this.#streams.out(`${JSON.stringify(value, null, 2)}\n`);
    else this.#streams.out(format(value));
  }

  /** As {@link show}, for rows under column titles. Without rows, a person gets the sentence `none` instead. */
  showTable<T, Item>(
    value: T,
    { columns, items, none }: { columns: Columns<Item>; items: readonly Item[]; none: string },
  ): void {
    if (!this.json && items.length === 0) this.note(none);
    else this.show(value, () => tableOf(columns, items));
  }

  /** Prints one item of a stream on a line of its own; with `--json`, as one line of JSON. */
  showLine<T>(value: T, format: (value: T) => string): void {
    this.#streams.out(`${this.json ? JSON.stringify(value) : format(value)}\n`);
  }

  /** Prints text that has no other form with `--json`. */
  raw(text: string | Uint8Array): void {
    this.#streams.out(text);
  }

  /** Prints a sentence about the result to standard error. Control characters are escaped, as in a table. */
  note(sentence: string): void {
    this.#streams.err(`${printable(sentence)}\n`);
  }

  /** Prints progress to standard error, only if a person sees it. Control characters are escaped. */
  progress(line: string): void {
    if (this.#streams.interactive) this.#streams.err(`${printable(line)}\n`);
  }
}

/** Title and cell of each column. */
export type Columns<Item> = Readonly<Record<string, (item: Item) => string>>;

/** Returns a table with a line of titles. */
export function tableOf<Item>(columns: Columns<Item>, items: readonly Item[]): string {
  const cells = Object.values(columns);
  return table([Object.keys(columns), ...items.map((item) => cells.map((cell) => cell(item)))]);
}
