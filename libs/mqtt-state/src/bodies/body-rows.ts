import type { Message } from '@mqtt-cluster/contracts';
import type { Origin } from './body-content.ts';

/** Rows of one chunk. A chunk takes about 70 KB. */
export const rowsPerChunk = 1_024;

/** Marks the end of a list of rows. */
export const noRow = -1;
/** The position of a message that is not on a page. */
export const noPosition = -1;

/** The columns of some rows. Typed arrays hold a row in about 70 bytes, an object needs several times as many. */
export class RowChunk {
  /** The message, or null while it is only on a page. */
  readonly messages = filled<Message | null>(null);
  readonly origins = filled<Origin | undefined>(undefined);
  /** Position of the encoded message on the pages, or {@link noPosition}. */
  readonly positions = new Float64Array(rowsPerChunk);
  /** Bytes of the encoded message on the pages. */
  readonly lengths = new Uint32Array(rowsPerChunk);
  /** Bytes of payload and topic. */
  readonly bytes = new Uint32Array(rowsPerChunk);
  readonly memory = new Uint32Array(rowsPerChunk);
  readonly references = new Uint32Array(rowsPerChunk);
  /** Cluster time in ms, or Infinity. */
  readonly expiries = new Float64Array(rowsPerChunk);
  /** The hash for the digest, or -1 while it is unknown. */
  readonly hashes = new Float64Array(rowsPerChunk);
  /** QoS (bits 0 and 1), RETAIN (2), listed as unreferenced (3), in use (4). */
  readonly flags = new Uint8Array(rowsPerChunk);
  /** Differs for each message that has the row, so that an outdated reference is noticed. */
  readonly generations = new Uint32Array(rowsPerChunk);
  /** The neighbours in the list of the messages in memory. */
  readonly next = new Int32Array(rowsPerChunk).fill(noRow);
  readonly previous = new Int32Array(rowsPerChunk).fill(noRow);
  /** The free rows of this chunk; the first `freeCount` values count. */
  readonly #free = new Uint16Array(rowsPerChunk);
  freeCount = rowsPerChunk;

  constructor() {
    for (let row = 0; row < rowsPerChunk; row++) this.#free[row] = rowsPerChunk - 1 - row;
  }

  take(): number {
    return this.#free[--this.freeCount]!;
  }

  giveBack(row: number): void {
    this.#free[this.freeCount++] = row;
  }
}

function filled<T>(value: T): T[] {
  return new Array<T>(rowsPerChunk).fill(value);
}

/** Allocates rows in chunks. Chunks without a used row are given back, except one. */
export class BodyRows {
  readonly #chunks: (RowChunk | null)[] = [];
  /** Indexes of the chunks with free rows. */
  readonly #open: number[] = [];
  /** Indexes of chunks that were given back. */
  readonly #vacant: number[] = [];

  /** Upper bound of all row numbers in use. */
  get limit(): number {
    return this.#chunks.length * rowsPerChunk;
  }

  /** The chunks in the order of their rows; null for those that were given back. */
  get chunks(): readonly (RowChunk | null)[] {
    return this.#chunks;
  }

  allocate(): number {
    const open = this.#open.at(-1) ?? this.#addChunk();
    const chunk = this.#chunks[open]!;
    const row = chunk.take();
    if (chunk.freeCount === 0) this.#open.pop();
    return open * rowsPerChunk + row;
  }

  /** @returns true when the chunk of the row was given back as well */
  free(body: number): boolean {
    const index = Math.floor(body / rowsPerChunk);
    const chunk = this.#chunks[index]!;
    chunk.giveBack(body % rowsPerChunk);
    if (chunk.freeCount === 1) this.#open.push(index);
    if (chunk.freeCount < rowsPerChunk || this.#open.length === 1) return false;
    this.#chunks[index] = null;
    this.#open.splice(this.#open.lastIndexOf(index), 1);
    this.#vacant.push(index);
    return true;
  }

  /** Returns whether the chunk of a row exists. */
  has(body: number): boolean {
    return (this.#chunks[Math.floor(body / rowsPerChunk)] ?? null) !== null;
  }

  /** Returns the chunk of a row. The caller must not keep it when the row is freed. */
  chunk(body: number): RowChunk {
    const chunk = this.#chunks[Math.floor(body / rowsPerChunk)];
    if (!chunk) throw new Error(`message ${body} does not exist: a programming error`);
    return chunk;
  }

  #addChunk(): number {
    const index = this.#vacant.pop() ?? this.#chunks.length;
    this.#chunks[index] = new RowChunk();
    this.#open.push(index);
    return index;
  }
}
