import type { Socket } from 'node:net';
import type { LinkConditions } from './link-proxy.ts';

/** Beyond it the source is not read, so that what is delayed or held stays bounded; the kernel's buffers follow. */
const heldBytesMax = 1024 * 1024;
/** Throttled data passes in pieces that take about this long. */
const throttleSliceMs = 20;

interface Piece {
  readonly data: Buffer;
  readonly releaseAtMs: number;
}

/** Moves bytes from one socket to another under changeable conditions, in order. */
export class Pipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #random: () => number;
  readonly #pieces: Piece[] = [];
  #heldBytes = 0;
  #conditions: LinkConditions | null = null;
  #lastReleaseMs = 0;
  #nextByteMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #sinkFull = false;

  constructor(source: Socket, sink: Socket, random: () => number = Math.random) {
    this.#source = source;
    this.#sink = sink;
    this.#random = random;
  }

  start(): void {
    this.#source.on('data', (data) => this.#take(data as Buffer));
    this.#source.on('end', () => this.sourceClosed());
    this.#sink.on('drain', () => {
      this.#sinkFull = false;
      this.#pump();
    });
    this.#source.resume();
  }

  set(conditions: LinkConditions): void {
    this.#conditions = conditions;
    this.#pump();
  }

  /** The other side hears of the end once everything before it has passed; in a blackhole only after the heal. */
  sourceClosed(): void {
    this.#closed = true;
    this.#pump();
  }

  #take(data: Buffer): void {
    const { delayMs = 0, jitterMs = 0 } = this.#conditions ?? {};
    const delay = Math.max(0, delayMs + (2 * this.#random() - 1) * jitterMs);
    // In order: a piece never leaves before the one that came before it.
    this.#lastReleaseMs = Math.max(this.#lastReleaseMs, performance.now() + delay);
    this.#pieces.push({ data, releaseAtMs: this.#lastReleaseMs });
    this.#heldBytes += data.length;
    if (this.#heldBytes > heldBytesMax) this.#source.pause();
    this.#pump();
  }

  #pump(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#conditions?.mode !== 'open' || this.#sink.destroyed) return;
    let piece = this.#pieces[0];
    while (piece !== undefined && !this.#sinkFull) {
      const waitMs = Math.max(piece.releaseAtMs, this.#nextByteMs) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs));
        return;
      }
      this.#pass(piece);
      piece = this.#pieces[0];
    }
    if (this.#heldBytes <= heldBytesMax) this.#source.resume();
    if (this.#closed && this.#pieces.length === 0) this.#sink.destroySoon();
  }

  #pass(piece: Piece): void {
    const rate = this.#conditions?.bytesPerSecond ?? Infinity;
    const sliceBytes = Math.max(1, Math.floor((rate * throttleSliceMs) / 1_000));
    const data = piece.data.subarray(0, sliceBytes);
    if (data.length === piece.data.length) this.#pieces.shift();
    else this.#pieces[0] = { ...piece, data: piece.data.subarray(sliceBytes) };
    this.#heldBytes -= data.length;
    if (rate !== Infinity) this.#nextByteMs = performance.now() + (data.length / rate) * 1_000;
    this.#sinkFull = !this.#sink.write(data);
  }
}
