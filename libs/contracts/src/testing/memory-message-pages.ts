import type { MessagePages } from '../message-pages.ts';

/**
 * Pages in memory for tests. They are stricter than files: each read must name exactly what a `write` returned, and
 * what was freed cannot be read.
 */
export class MemoryMessagePages implements MessagePages {
  readonly #written = new Map<number, Uint8Array>();
  readonly #accepts: () => boolean;
  /** What is freed and still held. */
  readonly #freed = new Set<number>();
  #holds = 0;
  #next = 0;
  #closed = false;

  /** @param accepts decides for each `write` whether the pages accept it */
  constructor(accepts: () => boolean = () => true) {
    this.#accepts = accepts;
  }

  /** Number of the messages on the pages. */
  get size(): number {
    return this.#written.size;
  }

  get isAccepting(): boolean {
    return true;
  }

  flush(): void {
    if (this.#closed) throw closedError();
  }

  /** Every second message counts as one in a sparse part. During a hold, nothing is given back. */
  get hasSparse(): boolean {
    return this.#written.size > 0 && this.#holds === 0;
  }

  isSparse(position: number): boolean {
    return position % 2 === 1;
  }

  write(bytes: Uint8Array): number | null {
    if (this.#closed) throw closedError();
    if (!this.#accepts()) return null;
    const position = this.#next;
    this.#next += bytes.length;
    this.#written.set(position, new Uint8Array(bytes));
    return position;
  }

  read(position: number, length: number): Uint8Array {
    return this.#find(position, length).slice();
  }

  free(position: number, length: number): void {
    this.#find(position, length);
    if (this.#freed.has(position)) throw new Error(`position ${position} was freed before`);
    this.#freed.add(position);
    this.#deleteFreed();
  }

  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
      this.#deleteFreed();
    };
  }

  #deleteFreed(): void {
    if (this.#holds > 0) return;
    if (this.#closed) this.#written.clear();
    for (const position of this.#freed) this.#written.delete(position);
    this.#freed.clear();
  }

  close(): void {
    this.#closed = true;
    this.#deleteFreed();
  }

  #find(position: number, length: number): Uint8Array {
    if (this.#closed && this.#holds === 0) throw closedError();
    const bytes = this.#written.get(position);
    if (bytes?.length !== length)
      throw new Error(`nothing of ${length} bytes is stored at position ${position}`);
    return bytes;
  }
}

function closedError(): Error {
  return new Error('the pages are closed');
}
