/**
 * The MQTT 3.1.1 packets of the load generator. It copies PUBLISH packets from a template and cuts the received stream
 * without decoding packets, so that it uses little processor time beside the brokers.
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

/** Bytes of the stamp at the start of a payload: message number and time of sending, both as doubles. */
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
  /** Offset of the packet id; unused with QoS 0. */
  readonly packetIdAt: number;
  /** Offset of the stamp, of {@link stampBytes} bytes. */
  readonly stampAt: number;
}

/** @param payloadBytes at least {@link stampBytes} */
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

/** `first` is the packet's first byte; its body lies between `start` and `end` of `bytes`. */
export type OnPacket = (first: number, bytes: Buffer, start: number, end: number) => void;

/** Cuts a stream into packets. Copies only packets that span two chunks. */
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
