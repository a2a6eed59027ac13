import type { Writable } from 'node:stream';

/** Bytes of one write. Node reports the end of a write only, so it must be short even on a slow line. */
const writeBytesMax = 64 * 1024;

/**
 * Writes to a stream, one short write after the other, so that {@link PacedWrites.passedBytes} grows steadily while a slow
 * line takes the bytes.
 */
export class PacedWrites {
  readonly #stream: Writable;
  #queue: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #passedBytes = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Bytes that the stream has not passed on. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Bytes that the stream has passed on to the network. */
  get passedBytes(): number {
    return this.#passedBytes;
  }

  write(bytes: Buffer): void {
    this.#queue.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isWriting) this.#writeNext();
  }

  /** Ends the stream behind all bytes. */
  end(): void {
    for (const bytes of this.#queue.splice(0)) this.#stream.write(bytes);
    this.#stream.end();
  }

  #writeNext(): void {
    const bytes = this.#take();
    if (bytes === null) return;
    this.#isWriting = true;
    this.#stream.write(bytes, (error) => {
      this.#isWriting = false;
      if (error != null) return;
      this.#waitingBytes -= bytes.length;
      this.#passedBytes += bytes.length;
      this.#writeNext();
    });
  }

  /** Takes the bytes of the next write: many small packets, or a part of a large one. */
  #take(): Buffer | null {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && bytes < writeBytesMax) bytes += this.#queue[count++]!.length;
    if (count === 0) return null;
    const taken = this.#queue.splice(0, count);
    const all = count === 1 ? taken[0]! : Buffer.concat(taken);
    if (all.length <= writeBytesMax) return all;
    this.#queue.unshift(all.subarray(writeBytesMax));
    return all.subarray(0, writeBytesMax);
  }
}
