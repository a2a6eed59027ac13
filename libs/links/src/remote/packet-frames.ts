import type { QoS } from '@mqtt-cluster/contracts';

/** First byte and Remaining Length of a packet (2.1). */
const headerBytesMax = 5;
const publishType = 3;
/** Bytes of the length of the topic, and of the packet identifier (3.3.2). */
const topicLengthBytes = 2;
const packetIdBytes = 2;

/**
 * Bytes of one message of a WebSocket, which is read as a whole before its packets are known. A larger one ends the
 * connection. A broker sends each packet in a message of its own, so a higher value costs this memory for each link.
 */
export const webSocketMessageBytesMax = 16 * 1024 * 1024;

/** A PUBLISH that was read without being kept, because it is too large. */
export interface SkippedPublish {
  readonly topic: string;
  readonly qos: QoS;
  /** Absent with QoS 0. */
  readonly messageId?: number;
  /** Bytes of the packet. */
  readonly bytes: number;
}

export interface PacketFramesOptions {
  /** The largest PUBLISH that is passed on. */
  readonly publishBytesMax: number;
  /** The largest other packet. */
  readonly otherBytesMax: number;
  /** Receives the bytes of the packets within the bounds. */
  readonly onBytes: (bytes: Buffer) => void;
  /** A larger PUBLISH has been read to its end. */
  readonly onSkipped: (publish: SkippedPublish) => void;
  /** Another packet is too large, or a large PUBLISH is malformed. The stream must end. One sentence. */
  readonly onFault: (text: string) => void;
}

/**
 * Finds the borders of packets in a stream of bytes, and leaves out each PUBLISH above the bound: of such a packet, only the
 * topic and the packet identifier are kept in memory. A broker with MQTT 3.1.1 does not know the bound, and would send the
 * same message first on each further connection.
 */
export class PacketFrames {
  readonly #options: PacketFramesOptions;
  /** The begin of a header whose rest has not been read. */
  #header: Buffer = Buffer.alloc(0);
  /** Bytes of the current packet that follow and are passed on. */
  #passing = 0;
  #skipping: OversizedPublish | null = null;
  #isEnded = false;

  constructor(options: PacketFramesOptions) {
    this.#options = options;
  }

  read(chunk: Buffer): void {
    const bytes = this.#header.length === 0 ? chunk : Buffer.concat([this.#header, chunk]);
    this.#header = Buffer.alloc(0);
    let passedTo = 0;
    let at = 0;
    while (at < bytes.length && !this.#isEnded) {
      if (this.#skipping !== null) {
        at += this.#skip(this.#skipping, bytes.subarray(at));
        passedTo = at;
      } else if (this.#passing > 0) {
        const count = Math.min(this.#passing, bytes.length - at);
        this.#passing -= count;
        at += count;
      } else {
        const size = sizeOf(bytes, at);
        if (size === null) {
          this.#header = Buffer.from(bytes.subarray(at));
          break;
        }
        const firstByte = bytes[at]!;
        if (this.#isWithinBounds(firstByte, size)) this.#passing = size.bytes;
        else {
          this.#pass(bytes.subarray(passedTo, at));
          passedTo = at;
          this.#begin(firstByte, size);
        }
      }
    }
    this.#pass(bytes.subarray(passedTo, at));
  }

  #pass(bytes: Buffer): void {
    if (bytes.length > 0) this.#options.onBytes(bytes);
  }

  #isWithinBounds(firstByte: number, { bytes }: PacketSize): boolean {
    const { publishBytesMax, otherBytesMax } = this.#options;
    // The parser reports a Remaining Length that is malformed.
    return bytes === Infinity || bytes <= (isPublish(firstByte) ? publishBytesMax : otherBytesMax);
  }

  #begin(firstByte: number, size: PacketSize): void {
    if (isPublish(firstByte)) this.#skipping = new OversizedPublish(firstByte, size);
    else this.#fail(`the other broker sent a packet of more than ${this.#options.otherBytesMax} bytes`);
  }

  /** @returns the number of bytes that belong to the packet */
  #skip(packet: OversizedPublish, bytes: Buffer): number {
    const count = packet.take(bytes);
    if (!packet.isComplete) return count;
    this.#skipping = null;
    const publish = packet.publish();
    if (publish === null)
      this.#fail('the other broker sent a malformed packet: the header of a large PUBLISH');
    else this.#options.onSkipped(publish);
    return count;
  }

  #fail(text: string): void {
    this.#isEnded = true;
    this.#options.onFault(text);
  }
}

interface PacketSize {
  readonly headerBytes: number;
  /** Bytes of the packet with its header. Infinity: the header is malformed. */
  readonly bytes: number;
}

/** Returns the size of the packet that begins here, or null if its header is not complete. */
function sizeOf(bytes: Buffer, begin: number): PacketSize | null {
  let remaining = 0;
  for (let position = 1; position < headerBytesMax; position++) {
    const byte = bytes[begin + position];
    if (byte === undefined) return null;
    remaining += (byte & 0x7f) * 0x80 ** (position - 1);
    if (byte < 0x80) return { headerBytes: position + 1, bytes: position + 1 + remaining };
  }
  return { headerBytes: headerBytesMax, bytes: Infinity };
}

function isPublish(firstByte: number): boolean {
  return firstByte >> 4 === publishType;
}

/** Counts the bytes of a PUBLISH, and keeps them up to its packet identifier: at most 64 KiB. */
class OversizedPublish {
  readonly #qos: number;
  readonly #size: PacketSize;
  #left: number;
  /** Has room for the header and the length of the topic, and then for the topic and the packet identifier. */
  #begin: Buffer;
  /** Bytes in `#begin`. */
  #filled = 0;
  /** Position behind the packet identifier; null while the length of the topic has not been read. */
  #end: number | null = null;

  constructor(firstByte: number, size: PacketSize) {
    this.#qos = (firstByte >> 1) & 3;
    this.#size = size;
    this.#left = size.bytes;
    this.#begin = Buffer.alloc(size.headerBytes + topicLengthBytes);
  }

  get isComplete(): boolean {
    return this.#left === 0;
  }

  /** @returns the number of bytes that belong to the packet */
  take(bytes: Buffer): number {
    const count = Math.min(this.#left, bytes.length);
    this.#left -= count;
    const packetBytes = bytes.subarray(0, count);
    const copied = this.#keep(packetBytes);
    if (this.#end === null && this.#isFilled) {
      const { headerBytes } = this.#size;
      this.#end =
        this.#begin.length + this.#begin.readUInt16BE(headerBytes) + (this.#qos > 0 ? packetIdBytes : 0);
      this.#begin = Buffer.concat([this.#begin], this.#end);
      this.#keep(packetBytes.subarray(copied));
    }
    return count;
  }

  /** Returns null if the header of the packet is malformed. */
  publish(): SkippedPublish | null {
    const end = this.#end;
    if (end === null || !this.#isFilled || this.#qos > 2) return null;
    const qos = this.#qos as QoS;
    const topicBegin = this.#size.headerBytes + topicLengthBytes;
    const topic = this.#begin.toString('utf8', topicBegin, end - (qos > 0 ? packetIdBytes : 0));
    if (qos === 0) return { topic, qos, bytes: this.#size.bytes };
    const messageId = this.#begin.readUInt16BE(end - packetIdBytes);
    return messageId === 0 ? null : { topic, qos, messageId, bytes: this.#size.bytes }; // [MQTT-2.3.1-1]
  }

  get #isFilled(): boolean {
    return this.#filled === this.#begin.length;
  }

  /** @returns the number of bytes that had room */
  #keep(bytes: Buffer): number {
    const copied = bytes.copy(this.#begin, this.#filled);
    this.#filled += copied;
    return copied;
  }
}
