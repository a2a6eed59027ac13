import { malformed, PacketTooLargeError } from './packet-error.ts';

const remainingLengthBytesMax = 4;

/** Pieces of a packet below this size are joined, because each piece takes about 200 bytes beside its content. */
const smallPieceBytes = 16 * 1_024;

interface FrameSink {
  /** Receives one control packet: its first byte, and the position of its body (after the fixed header). */
  onFrame(first: number, bytes: Buffer, start: number, end: number): void;
}

/** Splits a byte stream into control packets, one at a time and in order. Does not copy complete packets. */
export class FrameReader {
  readonly #packetBytesMax: number;
  readonly #sink: FrameSink;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #neededBytes = 0;
  #paused = false;
  #parsing = false;
  /**
   * Rejects a remaining length that is padded with zero bytes. MQTT 5 forbids padding [MQTT-1.5.5-1]; some
   * MQTT 3.1.1 devices send it.
   */
  strictLength = false;

  constructor(packetBytesMax: number, sink: FrameSink) {
    this.#packetBytesMax = packetBytesMax;
    this.#sink = sink;
  }

  /** @throws PacketError when a fixed header is malformed or a packet is too large */
  push(chunk: Buffer): void {
    if (this.#pieceBytes > 0 || this.#paused) {
      this.#append(chunk);
      if (this.#paused || this.#parsing || this.#pieceBytes < this.#neededBytes) return;
      chunk = this.#takePieces();
    }
    this.#parse(chunk);
  }

  /** Bytes received that were not emitted yet: an incomplete packet, or packets that arrived while paused. */
  get waitingBytes(): number {
    return this.#pieceBytes;
  }

  /** Emits no further packet until {@link resume}, not even from bytes that were already received. */
  pause(): void {
    this.#paused = true;
  }

  /** @throws PacketError as {@link push} does */
  resume(): void {
    this.#paused = false;
    if (this.#parsing || this.#pieceBytes === 0) return;
    this.#parse(this.#takePieces());
  }

  #takePieces(): Buffer {
    const [first] = this.#pieces;
    const all = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces, this.#pieceBytes);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return all;
  }

  /**
   * Adds a piece. Small pieces are joined to pieces of at least twice the size of the next one, so a packet that
   * arrives byte by byte takes little more memory than its bytes, and each byte is copied a few times only.
   */
  #append(piece: Buffer): void {
    this.#pieceBytes += piece.length;
    let last = piece;
    while (last.length < smallPieceBytes) {
      const before = this.#pieces.at(-1);
      if (before === undefined || before.length >= smallPieceBytes || before.length > 2 * last.length) break;
      this.#pieces.pop();
      last = joined(before, last);
    }
    this.#pieces.push(last);
  }

  /** Keeps the rest of a read. A small rest is copied, because it would keep the memory of the whole read. */
  #keep(rest: Buffer, neededBytes: number): void {
    if (rest.length === 0) return;
    this.#pieces.unshift(rest.length * 2 < rest.buffer.byteLength ? copyOf(rest) : rest);
    this.#pieceBytes += rest.length;
    this.#neededBytes = neededBytes;
  }

  #parse(chunk: Buffer): void {
    this.#parsing = true;
    try {
      let offset = 0;
      while (offset < chunk.length) {
        if (this.#paused) return this.#keep(chunk.subarray(offset), 0);
        let position = offset + 1;
        let bodyBytes = 0;
        let factor = 1;
        for (;;) {
          const byte = chunk[position];
          if (byte === undefined) return this.#keep(chunk.subarray(offset), chunk.length - offset + 1);
          bodyBytes += (byte & 0x7f) * factor;
          factor *= 128;
          position++;
          if (byte < 0x80) {
            if (this.strictLength && byte === 0 && position - offset > 2) {
              throw malformed('the remaining length is padded');
            }
            break;
          }
          if (position - offset > remainingLengthBytesMax) {
            throw malformed('the remaining length has more than 4 bytes');
          }
        }
        const end = position + bodyBytes;
        if (end - offset > this.#packetBytesMax) {
          throw new PacketTooLargeError(end - offset, this.#packetBytesMax);
        }
        if (end > chunk.length) return this.#keep(chunk.subarray(offset), end - offset);
        this.#sink.onFrame(chunk[offset] ?? 0, chunk, position, end);
        offset = end;
      }
    } finally {
      this.#parsing = false;
    }
  }
}

function joined(first: Buffer, second: Buffer): Buffer {
  const both = Buffer.allocUnsafeSlow(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Copies bytes into memory of their own, not into Node's shared pool. */
export function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
