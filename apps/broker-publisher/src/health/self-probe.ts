import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** `#` does not match it [MQTT-4.7.2-1]. */
const topicPrefix = '$watchdog/';
/** Our own packets are small. What others publish on our topic may be larger: then it is asked again, on a new topic. */
const bufferBytesMax = 64 * 1024;
/** Of a remaining length [MQTT-2.2.3]. */
const lengthBytesMax = 4;

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
  /** A client that takes this id, to have it closed, has to guess it. */
  readonly #clientId: string;
  /** Another one for each connection: nobody can have left a retained message on it. */
  #topic = '';
  #socket: Socket | null = null;
  /** The broker has said yes or no to this connection. */
  #admitted = false;
  #subscribed = false;
  #received: Buffer = Buffer.alloc(0);
  #sent = '';
  #answeredAtMs: number;

  constructor(options: LoopbackOptions) {
    this.#options = options;
    this.#clientId = `watchdog.${options.memberId}.${nonce()}`;
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
    this.#admitted = false;
    this.#subscribed = false;
    this.#sent = '';
    this.#received = Buffer.alloc(0);
  }

  #open(): void {
    const { host, port, memberId } = this.#options;
    const socket = connect({ host, port });
    let connected = false;
    this.#socket = socket;
    this.#topic = `${topicPrefix}${memberId}/${nonce()}`;
    socket.on('connect', () => {
      connected = true;
      socket.write(connectPacket(this.#clientId));
    });
    socket.on('data', (chunk) => socket === this.#socket && this.#onData(chunk));
    socket.on('error', () => undefined); // told by `close`
    socket.on('close', () => {
      if (socket !== this.#socket) return;
      // Turned away at the door, as too many connections are: a no as well, and none that the kernel would say.
      if (connected && !this.#admitted) this.#answered();
      this.stop();
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
      this.#admitted = true;
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
    this.#sent = nonce();
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

/** Null while it is not complete, or no packet. */
function takePacket(bytes: Buffer): { type: number; body: Buffer; end: number } | null {
  let length = 0;
  for (let position = 1; position <= lengthBytesMax; position++) {
    const byte = bytes[position];
    if (byte === undefined) return null;
    length += (byte & 0x7f) * 128 ** (position - 1);
    if (byte > 0x7f) continue;
    const start = position + 1;
    const end = start + length;
    return bytes.length < end ? null : { type: bytes[0]! >> 4, body: bytes.subarray(start, end), end };
  }
  return null;
}

function nonce(): string {
  return randomBytes(8).toString('hex');
}
