import type { Duplex } from 'node:stream';

/** First byte of a QoS 0 PUBLISH without RETAIN, the packet of each frame. */
const publishHeader = 0x30;
/** First byte and length of PINGREQ (MQTT 3.1.1, 3.12). */
const pingHeader = 0xc0;
const pingBytes = 2;
/** Maximum bytes of the remaining length (MQTT 3.1.1, 2.2.3). */
const lengthBytesMax = 4;

interface PublishInterceptorOptions {
  /** Bytes of the largest packet to intercept. Aedes receives a larger packet and rejects it. */
  readonly packetBytesMax: number;
  /** Returns whether the publish was handled. If false, Aedes receives the packet and rejects it. */
  onPublish(topic: string, payload: Buffer): boolean;
  /** Returns whether the ping was answered. If false, Aedes receives it. */
  onPing(): boolean;
}

/**
 * Removes the PUBLISH and PINGREQ packets of an accepted bridge from the byte stream before Aedes parses it. All other
 * packets reach Aedes unchanged. Aedes needs more CPU time for a PUBLISH than the bridge needs for its frame.
 * In an idle cluster, this time would be most of the load.
 */
export class PublishInterceptor {
  readonly #options: PublishInterceptorOptions;
  /** Bytes of an incomplete packet. */
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #neededBytes = 0;
  #enabled = false;

  /** Wraps the `read` method of the stream. */
  constructor(stream: Duplex, options: PublishInterceptorOptions) {
    this.#options = options;
    const read = stream.read.bind(stream);
    stream.read = (size?: number): unknown => {
      const chunk: unknown = read(size);
      return this.#enabled && Buffer.isBuffer(chunk) ? this.#filter(chunk) : chunk;
    };
  }

  /** Starts to intercept: the connection has been accepted as a bridge, and all earlier bytes were read. */
  enable(): void {
    this.#enabled = true;
  }

  /** Returns the bytes for Aedes, or null if there are none. */
  #filter(chunk: Buffer): Buffer | null {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#chunkBytes < this.#neededBytes) return null;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const forwarded: Buffer[] = [];
    let at = 0;
    this.#neededBytes = 0;
    while (at < bytes.length) {
      const end = this.#endOfPacket(bytes, at);
      if (end === null) {
        // Aedes rejects this packet as well, and closes the connection.
        this.#enabled = false;
        forwarded.push(bytes.subarray(at));
        at = bytes.length;
      } else if (end > bytes.length) {
        this.#neededBytes = end - at;
        break;
      } else {
        if (!this.#intercept(bytes, at, end)) forwarded.push(bytes.subarray(at, end));
        at = end;
      }
    }
    this.#keep(bytes, at);
    return forwarded.length === 0 ? null : Buffer.concat(forwarded);
  }

  #keep(bytes: Buffer, from: number): void {
    this.#chunks = from < bytes.length ? [bytes.subarray(from)] : [];
    this.#chunkBytes = bytes.length - from;
  }

  /** Returns the end of the packet, which may exceed `bytes`, or null for a malformed or too large packet. */
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

  #intercept(bytes: Buffer, start: number, end: number): boolean {
    if (bytes[start] === pingHeader && end - start === pingBytes) return this.#options.onPing();
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
