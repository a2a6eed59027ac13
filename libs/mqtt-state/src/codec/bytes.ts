import { FrameError } from '@mqtt-cluster/contracts';

const initialBytes = 512;
/**
 * Strings up to this length are first encoded as ASCII, because that is cheaper than a call of the UTF-8
 * encoder.
 */
const asciiLoopCharactersMax = 48;

/** Size of the parts into which a writer with a sink collects small values, bytes. */
const partBytes = 256 * 1024;
/** A writer with a sink passes byte strings of at least this length to the sink without a copy. */
const separateBytesMin = 4 * 1024;

/** Receives the parts of the written bytes, in order. Nothing may change a part. */
export type PartSink = (part: Uint8Array) => void;

/**
 * A growing byte buffer. Numbers are non-negative safe integers, encoded as little-endian base-128 varints
 * (LEB128).
 */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;
  readonly #sink: PartSink | null;

  /**
   * @param sink receives the written bytes in parts, also views of large byte strings, so that no large buffer grows.
   * With a sink, only the methods that write values and {@link flush} may be called.
   * @param expectedBytes size of the first buffer, which grows when it is full
   */
  constructor(sink: PartSink | null = null, expectedBytes = initialBytes) {
    this.#sink = sink;
    this.#buffer = Buffer.allocUnsafe(expectedBytes);
  }

  /** Bytes that are written and not passed to a sink. */
  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** @throws RangeError the number is negative, fractional or not safe: a programming error of the caller */
  number(value: number): void {
    // Most numbers are small: operations on 32-bit integers are several times as fast as the general case.
    if ((value | 0) === value && value >= 0) return this.#int32(value);
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${value} is not a non-negative safe integer`);
    }
    this.#reserve(8);
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
  }

  #int32(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleBE(value, this.#length);
  }

  string(value: string): void {
    if (value.length <= asciiLoopCharactersMax && this.#ascii(value)) return;
    const byteLength = Buffer.byteLength(value);
    this.number(byteLength);
    this.#reserve(byteLength);
    this.#length += this.#buffer.write(value, this.#length, byteLength, 'utf8');
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.raw(value);
  }

  /** Writes bytes without their number. */
  raw(value: Uint8Array): void {
    if (this.#sink !== null && value.length >= separateBytesMin) {
      this.flush();
      this.#sink(value);
      return;
    }
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /**
   * Begins a block with a length prefix of four bytes. @returns the start position to pass to {@link
   * endBlock}
   */
  beginBlock(): number {
    this.#reserve(4);
    this.#length += 4;
    return this.#length;
  }

  /** Ends a block: writes its length into the prefix. */
  endBlock(start: number): void {
    this.#buffer.writeUInt32BE(this.#length - start, start - 4);
  }

  /** Empties the buffer. Later writes overwrite the bytes that `written` returned before. */
  reset(): void {
    this.#length = 0;
  }

  /** Returns a view of the written bytes. The view is valid until the next write. */
  written(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Passes the buffered bytes to the sink. */
  flush(): void {
    if (this.#sink === null || this.#length === 0) return;
    const { buffer, byteOffset } = this.#buffer;
    this.#sink(new Uint8Array(buffer, byteOffset, this.#length));
    this.#buffer = this.#buffer.subarray(this.#length);
    this.#length = 0;
  }

  /** Returns a copy of the written bytes. */
  finish(): Uint8Array {
    const result = new Uint8Array(this.#length);
    result.set(this.#buffer.subarray(0, this.#length));
    return result;
  }

  #ascii(value: string): boolean {
    this.#reserve(value.length + 1);
    const start = this.#length;
    this.#buffer[start] = value.length;
    for (let position = 0; position < value.length; position++) {
      const code = value.charCodeAt(position);
      if (code > 127) return false;
      this.#buffer[start + 1 + position] = code;
    }
    this.#length = start + 1 + value.length;
    return true;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    if (this.#sink !== null) {
      this.flush();
      if (more > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(Math.max(more, partBytes));
      return;
    }
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** Reads the bytes that {@link ByteWriter} wrote. Every read beyond the end throws a {@link FrameError}. */
export class ByteReader {
  readonly #buffer: Buffer;
  /** A plain Uint8Array, because slices of a Buffer are Buffers. */
  readonly #view: Uint8Array;
  readonly #copying: boolean;
  #position = 0;
  #end: number;

  /**
   * @param copying true: the returned byte strings are copies. False: they are views, and each view keeps all
   * of `bytes` in memory.
   */
  constructor(bytes: Uint8Array, copying = false) {
    const { buffer, byteOffset, byteLength } = bytes;
    this.#buffer = Buffer.from(buffer, byteOffset, byteLength);
    this.#view = bytes.constructor === Uint8Array ? bytes : new Uint8Array(buffer, byteOffset, byteLength);
    this.#copying = copying;
    this.#end = bytes.byteLength;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  byte(): number {
    this.#need(1);
    return this.#view[this.#position++] ?? 0;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new FrameError('a number is above 2^53 - 1');
      if (byte < 128) return value;
      scale *= 128;
      if (scale > Number.MAX_SAFE_INTEGER) throw new FrameError('a number has too many bytes');
    }
  }

  double(): number {
    this.#need(8);
    this.#position += 8;
    return this.#buffer.readDoubleBE(this.#position - 8);
  }

  string(): string {
    const length = this.number();
    this.#need(length);
    const start = this.#position;
    this.#position += length;
    return this.#buffer.toString('utf8', start, this.#position);
  }

  bytes(): Uint8Array {
    const length = this.number();
    this.#need(length);
    const start = this.#position;
    this.#position += length;
    return this.#copying
      ? this.#view.slice(start, this.#position)
      : this.#view.subarray(start, this.#position);
  }

  /**
   * Reads the number of values that follow. Each value needs at least one byte, so a wrong count cannot cause
   * a huge allocation.
   */
  count(): number {
    const count = this.number();
    if (count > this.remaining)
      throw new FrameError('a count is larger than the number of bytes that follow');
    return count;
  }

  list<T>(read: (reader: ByteReader) => T): T[] {
    const count = this.count();
    const result: T[] = [];
    for (let position = 0; position < count; position++) result.push(read(this));
    return result;
  }

  /**
   * Reads a block of {@link ByteWriter.beginBlock}.
   * @throws FrameError `read` does not consume the whole block
   */
  block<T>(read: (reader: ByteReader) => T): T {
    this.#need(4);
    const length = this.#buffer.readUInt32BE(this.#position);
    this.#position += 4;
    this.#need(length);
    const outerEnd = this.#end;
    this.#end = this.#position + length;
    const result = read(this);
    this.finish();
    this.#end = outerEnd;
    return result;
  }

  /** Skips the remaining bytes of the block. */
  skipRest(): void {
    this.#position = this.#end;
  }

  /** @throws FrameError bytes follow the last value */
  finish(): void {
    if (this.#position !== this.#end) throw new FrameError('bytes follow the last value');
  }

  #need(count: number): void {
    if (count > this.#end - this.#position) throw new FrameError('the bytes end within a value');
  }
}

/** One of several parts of a collection. All have the same number of values, or one less. */
export interface Part {
  /** 0 to `parts` - 1. */
  readonly part: number;
  readonly parts: number;
}

/** Positions of a collection: from `from` on, up to `to` - 1. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Returns the positions of one part of a collection with `size` values. */
export function rangeOf(size: number, { part, parts }: Part): Range {
  return { from: Math.floor((size * part) / parts), to: Math.floor((size * (part + 1)) / parts) };
}

/** Writes the size and the values of a map or set. */
export function writeList<T>(
  writer: ByteWriter,
  values: { readonly size: number } & Iterable<T>,
  write: (value: T) => void,
): void {
  writer.number(values.size);
  for (const value of values) write(value);
}

/** Writes the size of a map or set, and the values of one part. */
export function writePart<T>(
  writer: ByteWriter,
  values: { readonly size: number } & Iterable<T>,
  part: Part,
  write: (value: T) => void,
): void {
  writer.number(values.size);
  const { from, to } = rangeOf(values.size, part);
  let position = 0;
  for (const value of values) {
    if (position >= to) return;
    if (position >= from) write(value);
    position++;
  }
}

/** Writes the length and the values of an array. */
export function writeArray<T>(writer: ByteWriter, values: readonly T[], write: (value: T) => void): void {
  writer.number(values.length);
  for (const value of values) write(value);
}
