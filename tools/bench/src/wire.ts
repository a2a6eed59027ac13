/**
 * Types of the MQTT 3.1.1 packets that the load generator uses. The generator copies PUBLISH packets from a template and
 * splits the received stream without decoding packets, so that it uses little processor time beside the brokers.
 */
import { generate } from 'mqtt-packet';

export const packetTypes = {
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  suback: 9,
} as const;

/** Bytes of the number and send time at the start of a payload (the payload's stamp). Both are doubles. */
export const stampBytes = 16;

export function encodeConnect(clientId: string, clean: boolean): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId,
    clean,
    keepalive: 0,
  });
}

export function encodeSubscribe(packetId: number, filter: string, qos: 0 | 1 | 2): Buffer {
  return generate({ cmd: 'subscribe', messageId: packetId, subscriptions: [{ topic: filter, qos }] });
}

export function encodeDisconnect(): Buffer {
  return generate({ cmd: 'disconnect' });
}

/** A PUBLISH packet. The generator writes packet id, message number and time into copies of it. */
export interface PublishTemplate {
  readonly bytes: Buffer;
  /** Offset of the packet id in `bytes`; unused with QoS 0. */
  readonly packetIdAt: number;
  /** Offset of the payload's stamp in `bytes` (see {@link stampBytes}). */
  readonly stampAt: number;
}

/** Creates a template. @param payloadBytes at least {@link stampBytes} */
export function publishTemplate(topic: string, qos: 0 | 1 | 2, payloadBytes: number): PublishTemplate {
  const payload = Buffer.alloc(Math.max(payloadBytes, stampBytes), 0x2e);
  const bytes = generate({
    cmd: 'publish',
    topic,
    qos,
    payload,
    dup: false,
    retain: false,
    ...(qos > 0 ? { messageId: 1 } : {}),
  });
  const stampAt = bytes.length - payload.length;
  return { bytes, packetIdAt: stampAt - 2, stampAt };
}

/** Called for each packet. `first` is the first byte of the packet; `bytes` contains its body from `start` to `end`. */
export type OnPacket = (first: number, bytes: Buffer, start: number, end: number) => void;

/** Splits a stream of bytes into packets. It copies only packets that span two chunks. */
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
