import { isUtf8 } from 'node:buffer';
import { malformed } from './packet-error.ts';

const variableIntegerBytesMax = 4; // [MQTT-1.5.5-1]

/** Reads the fields of one packet; whatever is not exactly as MQTT says is a {@link PacketError}. */
export class ByteReader {
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;
  #end = 0;

  reset(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  #take(count: number): number {
    const start = this.#position;
    if (start + count > this.#end) throw malformed('packet ends within a field');
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

  /** Non-zero [MQTT-2.3.1-1], in MQTT 5 [MQTT-2.2.1-3]. */
  packetId(): number {
    const packetId = this.uint16();
    if (packetId === 0) throw malformed('packet identifier 0');
    return packetId;
  }

  variableInteger(): number {
    let value = 0;
    for (let index = 0; index < variableIntegerBytesMax; index++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 128 ** index;
      if (byte < 0x80) {
        if (byte === 0 && index > 0) throw malformed('variable byte integer longer than needed');
        return value;
      }
    }
    throw malformed('variable byte integer too long');
  }

  /** A view, not a copy. */
  binary(): Buffer {
    const length = this.uint16();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /**
   * UTF-8, well-formed, without surrogates and U+0000 [MQTT-1.5.3-1, MQTT-1.5.3-2; MQTT 5: 1.5.4-1,
   * 1.5.4-2].
   */
  string(): string {
    const length = this.uint16();
    const start = this.#take(length);
    const end = start + length;
    const bytes = this.#bytes;
    let ascii = true;
    for (let index = start; index < end; index++) {
      const byte = bytes[index] ?? 0;
      if (byte === 0) throw malformed('U+0000 in a string');
      if (byte >= 0x80) ascii = false;
    }
    if (ascii) return bytes.toString('latin1', start, end);
    if (!isUtf8(bytes.subarray(start, end))) throw malformed('string is not UTF-8');
    return bytes.toString('utf8', start, end);
  }

  /** All that is left, as a view. */
  rest(): Buffer {
    const start = this.#position;
    this.#position = this.#end;
    return this.#bytes.subarray(start, this.#end);
  }

  finish(): void {
    if (this.#position !== this.#end) throw malformed('bytes after the end of the packet');
  }
}
