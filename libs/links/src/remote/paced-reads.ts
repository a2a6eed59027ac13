import type { Readable } from 'node:stream';

/** Bytes that are passed on in one turn of the event loop. They may be more than a thousand small packets. */
export const bytesOfTurnMax = 16 * 1024;

/**
 * Passes the bytes of a stream on in small parts, one part in each turn of the event loop. Meanwhile the stream is not read.
 * So a broker that sends faster than this member handles the packets has to wait, and other connections get their turns.
 */
export class PacedReads {
  readonly #stream: Readable;
  readonly #onBytes: (bytes: Buffer) => void;
  /** Bytes that have been read and not passed on: at most those of the reads of one turn. */
  #waiting: Buffer[] = [];
  #room = bytesOfTurnMax;
  #isTurnScheduled = false;
  #isEnded = false;
  #onPassed: (() => void) | null = null;

  constructor(stream: Readable, onBytes: (bytes: Buffer) => void) {
    this.#stream = stream;
    this.#onBytes = onBytes;
    stream.on('data', (chunk: Buffer) => {
      this.#waiting.push(chunk);
      this.#pass();
    });
  }

  /** Calls back when all that has been read is passed on: a stream reports its end earlier. */
  whenPassed(run: () => void): void {
    if (this.#waiting.length === 0) run();
    else this.#onPassed = run;
  }

  /** Passes nothing on any more, but reads on: a stream that is not read does not notice its end. */
  end(): void {
    this.#isEnded = true;
    this.#waiting = [];
    this.#stream.resume();
  }

  #pass(): void {
    while (this.#room > 0 && this.#waiting.length > 0 && !this.#isEnded) {
      const first = this.#waiting[0]!;
      const part = first.subarray(0, this.#room);
      if (part.length < first.length) this.#waiting[0] = first.subarray(part.length);
      else this.#waiting.shift();
      this.#room -= part.length;
      this.#onBytes(part);
    }
    if (this.#isEnded) return;
    if (this.#room === 0) this.#stream.pause();
    if (!this.#isTurnScheduled) setImmediate(() => this.#onTurn());
    this.#isTurnScheduled = true;
    if (this.#waiting.length === 0) this.#onPassed?.();
  }

  #onTurn(): void {
    this.#isTurnScheduled = false;
    if (this.#isEnded) return;
    this.#room = bytesOfTurnMax;
    if (this.#waiting.length > 0) this.#pass();
    else this.#stream.resume();
  }
}
