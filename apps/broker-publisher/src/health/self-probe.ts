import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';

/** The topic begins with `$`, so that a client's filter `#` does not match the topic [MQTT-4.7.2-1]. */
const topicPrefix = '$watchdog/';
/**
 * Maximum number of received bytes that do not form a complete packet yet. The probe's own packets are
 * smaller. If another client publishes a larger message on the probe's topic, the probe reconnects and uses
 * a new topic.
 */
const bufferBytesMax = 64 * 1024;
/** Largest number of bytes that encode a remaining length [MQTT-2.2.3]. */
const lengthBytesMax = 4;

const packetTypes = { connack: 2, publish: 3, suback: 9 } as const;

/** User name and password of the probe. */
export interface ProbeCredentials {
  readonly userName: string;
  readonly password: string;
}

export interface SelfProbeOptions {
  readonly memberId: string;
  /** Opens a connection to this member's own broker. */
  readonly connect: () => Duplex;
  readonly credentials: ProbeCredentials;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * An MQTT client of this member, in this process, over a connection of its own. It publishes a message and expects
 * to receive that message. The message has QoS 0, because QoS 0 works without a majority. The message passes the
 * listener, the guard, Aedes, the member's turn and its routing. A rejected connection (the member joins,
 * drains, is full or isolated) also counts as an answer, because a member that rejects does not hang.
 */
export class SelfProbe {
  readonly #options: SelfProbeOptions;
  /** Client identifier with a random part, so that no other client can take over the session of the probe. */
  readonly #clientId: string;
  /** Topic of the current connection. Each connection has a new topic, which cannot have a retained message. */
  #topic = '';
  #socket: Duplex | null = null;
  /** True when the broker has answered CONNECT, with success or with a rejection. */
  #connackReceived = false;
  #subscribed = false;
  #received: Buffer = Buffer.alloc(0);
  /** Payload of the message that has not come back yet; empty when no message is outstanding. */
  #outstanding = '';
  #lastAnswerMs: number;

  constructor(options: SelfProbeOptions) {
    this.#options = options;
    this.#clientId = `watchdog.${options.memberId}.${nonce()}`;
    this.#lastAnswerMs = options.now();
  }

  /** Time of the broker's last answer, on the clock of the options, ms. */
  get lastAnswerMs(): number {
    return this.#lastAnswerMs;
  }

  /**
   * Publishes the next message. When the broker has not answered the previous message, the probe reconnects first.
   */
  probe(): void {
    if (this.#socket !== null && this.#subscribed && this.#outstanding === '') return this.#publish();
    this.stop();
    this.#open();
  }

  stop(): void {
    this.#socket?.destroy();
    this.#socket = null;
    this.#connackReceived = false;
    this.#subscribed = false;
    this.#outstanding = '';
    this.#received = Buffer.alloc(0);
  }

  #open(): void {
    const { connect, memberId, credentials } = this.#options;
    const socket = connect();
    let connected = false;
    this.#socket = socket;
    this.#topic = `${topicPrefix}${memberId}/${nonce()}`;
    // A socket writes the packet when it is connected.
    socket.write(connectPacket(this.#clientId, credentials), (error) => (connected = error == null));
    socket.on('data', (chunk) => socket === this.#socket && this.#onData(chunk));
    socket.on('error', () => undefined); // the event `close` follows
    socket.on('close', () => {
      if (socket !== this.#socket) return;
      // A broker with too many connections closes a new connection without CONNACK. The close counts as an
      // answer, because the process closed the connection, not the kernel.
      if (connected && !this.#connackReceived) this.#recordAnswer();
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
      this.#connackReceived = true;
      if (body[1] === 0) this.#socket?.write(subscribePacket(this.#topic));
      else this.#recordAnswer();
    } else if (type === packetTypes.suback) {
      this.#subscribed = true;
      this.#publish();
    } else if (
      type === packetTypes.publish &&
      body.subarray(2 + this.#topic.length).toString() === this.#outstanding
    ) {
      this.#outstanding = '';
      this.#recordAnswer();
    }
  }

  #publish(): void {
    this.#outstanding = nonce();
    const packet = encodePacket(0x30, encodeString(this.#topic), Buffer.from(this.#outstanding));
    this.#socket?.write(packet);
  }

  #recordAnswer(): void {
    this.#lastAnswerMs = this.#options.now();
  }
}

/**
 * Encodes a CONNECT of MQTT 3.1.1 with a clean session. The connection needs no keep-alive, because the loopback
 * socket reports a lost connection.
 */
function connectPacket(clientId: string, { userName, password }: ProbeCredentials): Buffer {
  const flags = Buffer.from([4, 0b1100_0010, 0, 0]);
  const fields = [clientId, userName, password].map(encodeString);
  return encodePacket(0x10, encodeString('MQTT'), flags, ...fields);
}

function subscribePacket(topic: string): Buffer {
  return encodePacket(0x82, Buffer.from([0, 1]), encodeString(topic), Buffer.from([0]));
}

function encodeString(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** Encodes a packet of less than 128 bytes, so that the remaining length takes one byte [MQTT-2.2.3]. */
function encodePacket(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([first, body.length]), body]);
}

/** Returns the first packet. Returns null when the first packet is incomplete or has an invalid length. */
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
