import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** No wildcard matches it, so nobody else hears of it [MQTT-4.7.2-1]. */
const topicPrefix = '$watchdog/';
/** Our own packets are small; who sends more is not our broker. */
const bufferBytesMax = 64 * 1024;

const packetTypes = { connack: 2, publish: 3, suback: 9 } as const;

export interface LoopbackOptions {
  readonly memberId: string;
  /** Of this member's own MQTT listener. */
  readonly host: string;
  readonly port: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * A client of this very member, over a real connection: what it publishes (QoS 0, so that no majority is needed) has to
 * come back to it. That takes the listener, the guard, Aedes, the member's turn and its router. A refusal (the member
 * joins, drains, is full or isolated) is an answer as well: whoever says no is not hanging.
 */
export class Loopback {
  readonly #options: LoopbackOptions;
  readonly #topic: string;
  #socket: Socket | null = null;
  #subscribed = false;
  #received: Buffer = Buffer.alloc(0);
  #sent = '';
  #answeredAtMs: number;

  constructor(options: LoopbackOptions) {
    this.#options = options;
    this.#topic = `${topicPrefix}${options.memberId}`;
    this.#answeredAtMs = options.now();
  }

  /** When the broker last answered, on the clock given, ms. */
  get answeredAtMs(): number {
    return this.#answeredAtMs;
  }

  /** Asks again; who has not answered the last time is asked on a new connection. */
  ask(): void {
    if (this.#socket !== null && this.#subscribed && this.#sent === '') return this.#publish();
    this.stop();
    this.#open();
  }

  stop(): void {
    this.#socket?.destroy();
    this.#socket = null;
    this.#subscribed = false;
    this.#sent = '';
    this.#received = Buffer.alloc(0);
  }

  #open(): void {
    const { host, port, memberId } = this.#options;
    const socket = connect({ host, port });
    this.#socket = socket;
    socket.on('connect', () => socket.write(connectPacket(`watchdog.${memberId}`)));
    socket.on('data', (chunk) => socket === this.#socket && this.#onData(chunk));
    socket.on('error', () => undefined); // told by `close`
    socket.on('close', () => {
      if (socket === this.#socket) this.stop();
    });
  }

  #onData(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const packet = takePacket(this.#received);
      if (packet === null) break;
      this.#received = this.#received.subarray(packet.end);
      this.#onPacket(packet.type, packet.body);
    }
    if (this.#received.length > bufferBytesMax) this.stop();
  }

  #onPacket(type: number, body: Buffer): void {
    if (type === packetTypes.connack) {
      if (body[1] === 0) this.#socket?.write(subscribePacket(this.#topic));
      else this.#answered();
    } else if (type === packetTypes.suback) {
      this.#subscribed = true;
      this.#publish();
    } else if (
      type === packetTypes.publish &&
      body.subarray(2 + this.#topic.length).toString() === this.#sent
    ) {
      this.#sent = '';
      this.#answered();
    }
  }

  #publish(): void {
    this.#sent = randomBytes(8).toString('hex');
    this.#socket?.write(packet(0x30, text(this.#topic), Buffer.from(this.#sent)));
  }

  #answered(): void {
    this.#answeredAtMs = this.#options.now();
  }
}

/** MQTT 3.1.1, clean session, no keep-alive: its socket says when it is gone. */
function connectPacket(clientId: string): Buffer {
  return packet(0x10, text('MQTT'), Buffer.from([4, 2, 0, 0]), text(clientId));
}

function subscribePacket(topic: string): Buffer {
  return packet(0x82, Buffer.from([0, 1]), text(topic), Buffer.from([0]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** Ours are shorter than 128 bytes: one byte of length [MQTT-2.2.3]. */
function packet(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([first, body.length]), body]);
}

/** Null while it is not complete. */
function takePacket(bytes: Buffer): { type: number; body: Buffer; end: number } | null {
  const [first, length] = bytes;
  if (first === undefined || length === undefined || length > 127) return null;
  const end = 2 + length;
  return bytes.length < end ? null : { type: first >> 4, body: bytes.subarray(2, end), end };
}
