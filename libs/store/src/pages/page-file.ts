import type { PageSystem } from './page-system.ts';

/** Bytes of one file that the operating system does not have yet. */
interface WaitingBuffer {
  readonly offset: number;
  readonly bytes: Buffer;
  length: number;
  isSent: boolean;
}

/**
 * One file of message pages. Its bytes are only appended. They wait in buffers until they are written, and a read finds
 * them there.
 */
export class PageFile {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #system: PageSystem;
  readonly #bufferBytes: number;
  readonly #onWritten: (error: Error | null) => void;
  #waiting: WaitingBuffer[] = [];
  #writes = 0;
  #isDeleted = false;
  /** Bytes appended. */
  used = 0;
  /** Bytes that are still needed. */
  live = 0;
  /** True when nothing more is appended. */
  isFull = false;

  /**
   * @param bufferBytes bytes that one write passes to the operating system
   * @param onWritten called after each write to the operating system
   * @throws Error the file cannot be created
   */
  constructor(
    path: string,
    system: PageSystem,
    bufferBytes: number,
    onWritten: (error: Error | null) => void,
  ) {
    this.#path = path;
    this.#descriptor = system.create(path);
    this.#system = system;
    this.#bufferBytes = bufferBytes;
    this.#onWritten = onWritten;
  }

  /** Number of the buffers that are not written. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** @returns the offset of the bytes in the file */
  append(bytes: Uint8Array): number {
    let last = this.#waiting.at(-1);
    if (last === undefined || last.isSent || last.length + bytes.length > last.bytes.length) {
      this.flush();
      const size = Math.max(this.#bufferBytes, bytes.length);
      last = { offset: this.used, bytes: Buffer.allocUnsafe(size), length: 0, isSent: false };
      this.#waiting.push(last);
    }
    const offset = this.used;
    last.bytes.set(bytes, last.length);
    last.length += bytes.length;
    this.used += bytes.length;
    this.live += bytes.length;
    return offset;
  }

  /** Begins to write all buffers, also those whose last write failed. */
  flush(): void {
    for (const buffer of this.#waiting) if (!buffer.isSent) this.#send(buffer);
  }

  /** Writes all buffers, also those that are being written. @throws Error a write fails */
  flushAndWait(): void {
    for (let buffer = this.#waiting[0]; buffer !== undefined; buffer = this.#waiting[0]) {
      for (let from = 0; from < buffer.length;) {
        const count = this.#system.writeAndWait(
          this.#descriptor,
          buffer.bytes,
          from,
          buffer.length - from,
          buffer.offset + from,
        );
        if (count === 0) throw new Error(`${this.#path}: the disk accepted nothing`);
        from += count;
      }
      this.#waiting.shift();
    }
  }

  /** @throws Error the file does not have the bytes, or cannot be read */
  read(offset: number, length: number): Buffer {
    const buffer = this.#waiting.find(
      (waiting) => offset >= waiting.offset && offset < waiting.offset + waiting.length,
    );
    if (buffer !== undefined) {
      const start = offset - buffer.offset;
      return Buffer.from(buffer.bytes.subarray(start, start + length));
    }
    const bytes = Buffer.allocUnsafeSlow(length);
    const count = this.#system.read(this.#descriptor, bytes, offset);
    if (count !== length)
      throw new Error(`${this.#path} ends at byte ${offset + count}, before byte ${offset + length}`);
    return bytes;
  }

  /** Deletes the file as soon as no write to it is in progress. */
  delete(): void {
    this.#isDeleted = true;
    this.#waiting = [];
    if (this.#writes > 0) return;
    this.#system.closeAndRemove(this.#descriptor, this.#path);
  }

  #send(buffer: WaitingBuffer, from = 0): void {
    buffer.isSent = true;
    this.#writes++;
    const { bytes, length, offset } = buffer;
    this.#system.write(this.#descriptor, bytes, from, length - from, offset + from, (failure, count) => {
      this.#writes--;
      if (this.#isDeleted) return this.delete();
      // A disk can accept nothing without an error when it is nearly full.
      const error = failure ?? (count === 0 ? new Error(`${this.#path}: the disk accepted nothing`) : null);
      if (error === null && from + count < length) return this.#send(buffer, from + count);
      if (error === null) this.#waiting = this.#waiting.filter((waiting) => waiting !== buffer);
      else buffer.isSent = false;
      this.#onWritten(error);
    });
  }
}
