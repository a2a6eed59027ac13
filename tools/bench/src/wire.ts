/** The few MQTT 3.1.1 packets a load generator needs, encoded by hand so that it costs little beside the brokers. */

export const packetTypes = {
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  suback: 9,
} as const;

/** Bytes of the fixed part of a payload: number and time of sending, both as doubles. */
export const stampBytes = 16;

function withString(...texts: string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      return [Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes];
    }),
  );
}

function packet(first: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

export function encodeConnect(client: string, clean: boolean): Buffer {
  const keepAliveSeconds = 0;
  const head = Buffer.concat([
    withString('MQTT'),
    Buffer.from([4, clean ? 2 : 0, keepAliveSeconds, keepAliveSeconds]),
  ]);
  return packet(0x10, head, withString(client));
}

export function encodeSubscribe(packetId: number, filter: string, qos: number): Buffer {
  const id = Buffer.from([packetId >> 8, packetId & 0xff]);
  return packet(0x82, id, withString(filter), Buffer.from([qos]));
}

export function encodeDisconnect(): Buffer {
  return Buffer.from([0xe0, 0]);
}

/** A PUBLISH whose packet id, number and time are written into copies of it. */
export interface PublishTemplate {
  readonly bytes: Buffer;
  /** Where the packet id goes; meaningless with QoS 0. */
  readonly packetIdAt: number;
  /** Where {@link stampBytes} of number and time go. */
  readonly stampAt: number;
}

export function publishTemplate(topic: string, qos: number, payloadBytes: number): PublishTemplate {
  const payload = Buffer.alloc(Math.max(payloadBytes, stampBytes), 0x2e);
  const id = qos > 0 ? [Buffer.alloc(2)] : [];
  const bytes = packet(0x30 | (qos << 1), withString(topic), ...id, payload);
  const stampAt = bytes.length - payload.length;
  return { bytes, packetIdAt: stampAt - 2, stampAt };
}

/** `first` is the packet's first byte; its body lies between `start` and `end` of `bytes`. */
export type OnPacket = (first: number, bytes: Buffer, start: number, end: number) => void;

/** Cuts a stream into packets without copying, but for one that two chunks share. */
export class PacketScanner {
  readonly #onPacket: OnPacket;
  #rest: Buffer | null = null;

  constructor(onPacket: OnPacket) {
    this.#onPacket = onPacket;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      let position = at + 1;
      let length = 0;
      let shift = 0;
      let byte = 0x80;
      while (position < bytes.length && byte & 0x80) {
        byte = bytes[position++]!;
        length |= (byte & 0x7f) << shift;
        shift += 7;
      }
      if (byte & 0x80 || position + length > bytes.length) break;
      this.#onPacket(bytes[at]!, bytes, position, position + length);
      at = position + length;
    }
    this.#rest = at === bytes.length ? null : bytes.subarray(at);
  }
}
