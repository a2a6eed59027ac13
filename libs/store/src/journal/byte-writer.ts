/** A big-endian writer with a buffer that doubles when it is full. `#grow` may replace `#buffer`. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(initialBytes: number) {
    this.#buffer = Buffer.allocUnsafe(initialBytes);
  }

  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#buffer.length;
  }

  clear(): void {
    this.#length = 0;
  }

  /** Returns a view of the bytes, valid until the next change. */
  view(from = 0, to = this.#length): Buffer {
    return this.#buffer.subarray(from, to);
  }

  /** Reserves bytes that the caller fills in later. @returns their offset */
  skip(bytes: number): number {
    return this.#grow(bytes);
  }

  byte(value: number): void {
    const offset = this.#grow(1);
    this.#buffer.writeUInt8(value, offset);
  }

  uint32(value: number): void {
    const offset = this.#grow(4);
    this.#buffer.writeUInt32BE(value, offset);
  }

  uint48(value: number): void {
    const offset = this.#grow(6);
    this.#buffer.writeUIntBE(value, offset, 6);
  }

  bytes(value: Uint8Array): void {
    const offset = this.#grow(value.length);
    this.#buffer.set(value, offset);
  }

  patchUint32(offset: number, value: number): void {
    this.#buffer.writeUInt32BE(value, offset);
  }

  #grow(bytes: number): number {
    const offset = this.#length;
    const needed = offset + bytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, offset));
      this.#buffer = larger;
    }
    this.#length = needed;
    return offset;
  }
}
