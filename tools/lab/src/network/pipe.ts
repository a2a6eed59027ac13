import type { Socket } from 'node:net';

/** Bound of held data. If the pipe holds more, the pipe stops reading from the source, so the kernel buffers fill. */
const heldBytesMax = 1024 * 1024;
/** A throttled pipe passes data in pieces that take about this long. */
const throttleSliceMs = 20;

/** Bytes of data in a TCP segment on Ethernet. The pipe loses whole segments. */
const segmentBytes = 1_448;
/** The shortest retransmission timeout of Linux. The timeout doubles with each loss of the same segment [RFC 6298, 5.5]. */
const retransmissionMs = 200;
const retransmissionsMax = 6;

/** The conditions of one direction of a link. */
export interface PipeConditions {
  /** False: the pipe holds all data. */
  readonly passing: boolean;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  readonly lossShare: number;
}

interface Piece {
  readonly data: Buffer;
  readonly releaseAtMs: number;
}

/**
 * Moves bytes from one socket to another, in order, under changeable conditions. A lost segment has the effect that it has
 * in TCP: the stream stalls for a retransmission timeout of 200 ms, and for 400 ms more when the segment is lost again.
 */
export class Pipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #random: () => number;
  readonly #pieces: Piece[] = [];
  #heldBytes = 0;
  #conditions: PipeConditions | null = null;
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

  set(conditions: PipeConditions): void {
    this.#conditions = conditions;
    this.#pump();
  }

  /**
   * Must be called when the source closes. Closes the sink as soon as all held data has passed; in a blackhole only
   * after the heal.
   */
  sourceClosed(): void {
    this.#closed = true;
    this.#pump();
  }

  #take(data: Buffer): void {
    const { delayMs = 0, jitterMs = 0 } = this.#conditions ?? {};
    const delay = Math.max(0, delayMs + (2 * this.#random() - 1) * jitterMs) + this.#stallMs(data.length);
    // The pipe keeps the order: it never releases a piece of data before an earlier piece.
    this.#lastReleaseMs = Math.max(this.#lastReleaseMs, performance.now() + delay);
    this.#pieces.push({ data, releaseAtMs: this.#lastReleaseMs });
    this.#heldBytes += data.length;
    if (this.#heldBytes > heldBytesMax) this.#source.pause();
    this.#pump();
  }

  /** Returns how long the stream stalls for the lost segments of a piece of data. */
  #stallMs(bytes: number): number {
    const lossShare = this.#conditions?.lossShare ?? 0;
    if (lossShare === 0) return 0;
    // One random number decides for all segments, because TCP retransmits segments that are lost together at the same time.
    let chance = 1 - (1 - lossShare) ** Math.ceil(bytes / segmentBytes);
    let stallMs = 0;
    for (let losses = 0; losses < retransmissionsMax && this.#random() < chance; losses++) {
      stallMs += retransmissionMs * 2 ** losses;
      chance = lossShare;
    }
    return stallMs;
  }

  #pump(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#conditions?.passing !== true || this.#sink.destroyed) return;
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
