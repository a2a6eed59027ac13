import { isUtf8 } from 'node:buffer';
import { malformed, protocolError } from './packet-error.ts';

const variableByteIntegerBytesMax = 4; // [MQTT-1.5.5-1]

/** Reads the fields of one control packet. A field that violates MQTT throws a {@link PacketError}. */
export class ByteReader {
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;
  #end = 0;

  /** Starts to read `bytes` from `start` up to, and not including, `end`. */
  reset(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#position;
  }

  #take(count: number): number {
    const start = this.#position;
    if (start + count > this.#end) throw malformed('the packet ends within a field');
    this.#position = start + count;
    return start;
  }

  byte(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  /** Reads a packet identifier and rejects 0 (MQTT 3.1.1 [MQTT-2.3.1-1], MQTT 5 [MQTT-2.2.1-3]). */
  packetId(): number {
    const packetId = this.uint16();
    if (packetId === 0) throw protocolError('the packet identifier is 0');
    return packetId;
  }

  variableByteInteger(): number {
    let value = 0;
    for (let index = 0; index < variableByteIntegerBytesMax; index++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 128 ** index;
      if (byte < 0x80) {
        if (byte === 0 && index > 0) throw malformed('a variable byte integer is longer than necessary');
        return value;
      }
    }
    throw malformed('a variable byte integer has more than 4 bytes');
  }

  /** Reads binary data with a two-byte length. Returns a view, not a copy. */
  binaryData(): Buffer {
    const length = this.uint16();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /**
   * Reads a UTF-8 string and rejects ill-formed bytes, surrogates and U+0000 [MQTT-1.5.3-1, MQTT-1.5.3-2;
   * MQTT 5: MQTT-1.5.4-1, MQTT-1.5.4-2].
   */
  utf8String(): string {
    const length = this.uint16();
    const start = this.#take(length);
    const end = start + length;
    const bytes = this.#bytes;
    let ascii = true;
    for (let index = start; index < end; index++) {
      const byte = bytes[index] ?? 0;
      if (byte === 0) throw malformed('a string contains U+0000');
      if (byte >= 0x80) ascii = false;
    }
    if (ascii) return bytes.toString('latin1', start, end);
    if (!isUtf8(bytes.subarray(start, end))) throw malformed('a string is not well-formed UTF-8');
    return bytes.toString('utf8', start, end);
  }

  /** Reads all remaining bytes. Returns a view, not a copy. */
  rest(): Buffer {
    const start = this.#position;
    this.#position = this.#end;
    return this.#bytes.subarray(start, this.#end);
  }

  /** Throws a {@link PacketError} if bytes remain. */
  expectEnd(): void {
    if (this.#position !== this.#end) throw malformed('bytes remain after the last field');
  }
}
