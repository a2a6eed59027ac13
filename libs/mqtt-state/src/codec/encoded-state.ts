import { MessagePageError } from '@mqtt-cluster/contracts';
import type { BytesInPieces, MessagePages } from '@mqtt-cluster/contracts';
import { hashOf } from './hash.ts';

/** Fields of one gap in {@link Gaps}. */
const fieldsOfGap = 4;

/** The messages that are only on pages, by their places in the written bytes. Numbers in one array, because there can be millions. */
class Gaps {
  #fields = new Float64Array(64 * fieldsOfGap);
  #length = 0;

  add(offset: number, position: number, length: number, hash: number): void {
    if (this.#length + fieldsOfGap > this.#fields.length) {
      const larger = new Float64Array(this.#fields.length * 2);
      larger.set(this.#fields);
      this.#fields = larger;
    }
    const fields = this.#fields;
    fields[this.#length++] = offset;
    fields[this.#length++] = position;
    fields[this.#length++] = length;
    fields[this.#length++] = hash;
  }

  *[Symbol.iterator](): Iterator<{ offset: number; position: number; length: number; hash: number }> {
    const fields = this.#fields;
    for (let at = 0; at < this.#length; at += fieldsOfGap) {
      yield {
        offset: fields[at]!,
        position: fields[at + 1]!,
        length: fields[at + 2]!,
        hash: fields[at + 3]!,
      };
    }
  }
}

/**
 * A state as canonical bytes, which stay as they were when the state changes. Messages that are on pages are read when their
 * piece is taken, so that their bytes can be read over many turns. Only their places are noted at once.
 */
export class EncodedState implements BytesInPieces {
  readonly #pages: MessagePages | null;
  #parts: Uint8Array[] = [];
  readonly #gaps = new Gaps();
  #written = 0;
  #missing = 0;
  #release: (() => void) | null;

  /** @param pages the pages of the state. What they hold now stays readable until the last piece is taken */
  constructor(pages: MessagePages | null) {
    this.#pages = pages;
    this.#release = pages?.hold() ?? null;
  }

  /** Number of all bytes. */
  get length(): number {
    return this.#written + this.#missing;
  }

  /** Number of the bytes that are not on pages. */
  get writtenBytes(): number {
    return this.#written;
  }

  /** Appends bytes that nobody changes any more. */
  append(part: Uint8Array): void {
    this.#parts.push(part);
    this.#written += part.length;
  }

  /**
   * Appends a message that is on a page.
   * @param pending bytes that are written before it but not appended yet
   */
  appendFromPage(pending: number, position: number, length: number, hash: number): void {
    this.#gaps.add(this.#written + pending, position, length, hash);
    this.#missing += length;
  }

  /**
   * Yields the bytes in pieces, in order. It can be called once, and lets go of each piece.
   * @throws MessagePageError a page does not hold what was written
   */
  *pieces(): Generator<Uint8Array, void> {
    try {
      const parts = this.#parts;
      this.#parts = [];
      const gaps = this.#gaps[Symbol.iterator]();
      let gap = gaps.next();
      let offset = 0;
      for (let index = 0; index < parts.length; index++) {
        const part = parts[index]!;
        parts[index] = nothing;
        let start = 0;
        while (gap.done !== true && gap.value.offset < offset + part.length) {
          const end = gap.value.offset - offset;
          if (end > start) yield part.subarray(start, end);
          start = end;
          yield this.#read(gap.value);
          gap = gaps.next();
        }
        yield start === 0 ? part : part.subarray(start);
        offset += part.length;
      }
      for (; gap.done !== true; gap = gaps.next()) yield this.#read(gap.value);
    } finally {
      this.discard();
    }
  }

  /** Lets go of the pages. Afterwards, no piece can be taken. */
  discard(): void {
    this.#release?.();
    this.#release = null;
  }

  #read({ position, length, hash }: { position: number; length: number; hash: number }): Uint8Array {
    return readPage(this.#pages!, position, length, hash);
  }
}

const nothing = new Uint8Array(0);

/** @throws MessagePageError the page cannot be read, or does not hold what was written */
export function readPage(pages: MessagePages, position: number, length: number, hash: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = pages.read(position, length);
  } catch (cause) {
    throw new MessagePageError('a queued message cannot be read again', { cause });
  }
  if (hashOf(bytes) !== hash)
    throw new MessagePageError('a queued message that was read again differs from the one that was written');
  return bytes;
}
