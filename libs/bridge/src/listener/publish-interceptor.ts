import type { Duplex } from 'node:stream';

/** Fixed header byte of a QoS 0 PUBLISH without RETAIN: what every frame of a bridge comes in. */
const publishHeader = 0x30;
/** Bytes of the length field (MQTT 3.1.1, 2.2.3). */
const lengthBytesMax = 4;

export interface PublishTapOptions {
  /** A longer packet is left to the broker, which refuses it. */
  readonly packetBytesMax: number;
  /** @returns false when the broker shall have the packet, to refuse it as it would any other */
  onPublish(topic: string, payload: Buffer): boolean;
}

/**
 * Takes the frames of an accepted bridge out of its connection's bytes before the broker parses them; everything else
 * goes on to it unchanged. A broker's way of a PUBLISH costs more than the frame in it, and on an idle cluster that
 * is most of what there is.
 */
export class PublishTap {
  readonly #options: PublishTapOptions;
  /** Of a packet that has not arrived completely. */
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #neededBytes = 0;
  #open = false;

  /** Every `read` of the stream by somebody else goes through the tap from now on. */
  constructor(stream: Duplex, options: PublishTapOptions) {
    this.#options = options;
    const read = stream.read.bind(stream);
    stream.read = (size?: number): unknown => {
      const chunk: unknown = read(size);
      return this.#open && Buffer.isBuffer(chunk) ? this.#sieve(chunk) : chunk;
    };
  }

  /** From here on the connection is that of a bridge; what came before has been read. */
  open(): void {
    this.#open = true;
  }

  /** @returns what is not ours, or null */
  #sieve(chunk: Buffer): Buffer | null {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#chunkBytes < this.#neededBytes) return null;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const others: Buffer[] = [];
    let at = 0;
    this.#neededBytes = 0;
    while (at < bytes.length) {
      const end = this.#endOfPacket(bytes, at);
      if (end === null) {
        // Nothing the broker would take either: it must see that for itself.
        this.#open = false;
        others.push(bytes.subarray(at));
        at = bytes.length;
      } else if (end > bytes.length) {
        this.#neededBytes = end - at;
        break;
      } else {
        if (!this.#take(bytes, at, end)) others.push(bytes.subarray(at, end));
        at = end;
      }
    }
    this.#keep(bytes, at);
    return others.length === 0 ? null : Buffer.concat(others);
  }

  #keep(bytes: Buffer, from: number): void {
    this.#chunks = from < bytes.length ? [bytes.subarray(from)] : [];
    this.#chunkBytes = bytes.length - from;
  }

  /** May lie beyond the bytes; null for a packet that is malformed or too long. */
  #endOfPacket(bytes: Buffer, start: number): number | null {
    let length = 0;
    for (let position = 0; position < lengthBytesMax; position++) {
      const byte = bytes[start + 1 + position];
      if (byte === undefined) return bytes.length + 1;
      length += (byte & 0x7f) * 128 ** position;
      if (byte < 0x80) {
        const end = start + 2 + position + length;
        return end - start > this.#options.packetBytesMax ? null : end;
      }
    }
    return null;
  }

  #take(bytes: Buffer, start: number, end: number): boolean {
    if (bytes[start] !== publishHeader) return false;
    let body = start + 1;
    while (bytes[body]! >= 0x80) body++;
    body++;
    if (body + 2 > end) return false;
    const payload = body + 2 + bytes.readUInt16BE(body);
    if (payload > end) return false;
    return this.#options.onPublish(bytes.toString('utf8', body + 2, payload), bytes.subarray(payload, end));
  }
}
