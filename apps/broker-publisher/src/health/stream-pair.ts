import { Duplex } from 'node:stream';

/** One end of a connection inside this process. */
class PairedStream extends Duplex {
  /** Bytes that the other end has written and this end has received. */
  bytesRead = 0;
  peer: PairedStream | null = null;
  #waiting: (() => void) | null = null;

  override _read(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  /** Delivers the chunk in a later turn of the event loop, like a network. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    setImmediate(() => this.peer!.#receive(chunk, callback));
  }

  #receive(chunk: Buffer, callback: () => void): void {
    this.bytesRead += chunk.length;
    if (this.destroyed || this.push(chunk)) callback();
    else this.#waiting = callback;
  }

  override _final(callback: () => void): void {
    this.peer!.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    setImmediate(() => this.peer!.destroy());
    callback(error);
  }
}

/** Returns the two ends of a connection inside this process. */
export function streamPair(): readonly [Duplex & { readonly bytesRead: number }, Duplex] {
  const one = new PairedStream({ allowHalfOpen: false });
  const other = new PairedStream({ allowHalfOpen: false });
  one.peer = other;
  other.peer = one;
  return [one, other];
}
