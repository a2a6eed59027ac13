import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { host, within } from '@mqtt-cluster/testing';
import { generate, parser } from 'mqtt-packet';
import type { IConnackPacket, IConnectPacket, IPublishPacket, ISubscription, Packet } from 'mqtt-packet';

/** Protocol level: 4 is MQTT 3.1.1, 5 is MQTT 5.0. */
export type Level = 4 | 5;
export const levels: readonly Level[] = [4, 5];

export interface ConnectOptions extends Partial<IConnectPacket> {
  /** The test acknowledges messages itself. By default the client does. */
  readonly manual?: boolean;
}

export type Publish = IPublishPacket & { readonly messageId?: number };
type PacketOf<Cmd extends Packet['cmd']> = Extract<Packet, { cmd: Cmd }>;

interface Waiter {
  readonly cmd: Packet['cmd'];
  readonly resolve: (packet: Packet) => void;
  readonly reject: (error: Error) => void;
}

/** One MQTT connection that sends exactly what a test says, and records everything that it receives. */
export class Client {
  readonly level: Level;
  readonly packets: Packet[] = [];
  /** The bytes of each packet in {@link packets}. */
  readonly frames: Buffer[] = [];
  isClosed = false;
  readonly #closed: Promise<void>;
  readonly #socket: Socket;
  readonly #manual: boolean;
  readonly #untaken: Packet[] = [];
  readonly #waiters: Waiter[] = [];
  #pending: Buffer = Buffer.alloc(0);
  #lastPacketId = 0;

  private constructor(socket: Socket, level: Level, manual: boolean) {
    this.#socket = socket;
    this.level = level;
    this.#manual = manual;
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes));
    socket.on('error', () => undefined);
    this.#closed = once(socket, 'close').then(() => {
      this.isClosed = true;
      for (const { reject } of this.#waiters) reject(this.#closedError());
    });
  }

  static async open(port: number, level: Level, manual: boolean): Promise<Client> {
    const socket = connect({ port, host, noDelay: true });
    await once(socket, 'connect');
    return new Client(socket, level, manual);
  }

  /** Resolves when the server has closed the connection. */
  get closed(): Promise<void> {
    return within(this.#closed, () => `the end of the connection; ${this.#lastPacket}`);
  }

  get #lastPacket(): string {
    return `the last packet of the server: ${JSON.stringify(this.packets.at(-1) ?? null)}`;
  }

  #closedError(): Error {
    return new Error(`the server closed the connection; ${this.#lastPacket}`);
  }

  #onBytes(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    for (;;) {
      const size = frameBytes(this.#pending);
      if (size === null || size > this.#pending.length) return;
      const frame = this.#pending.subarray(0, size);
      this.#pending = this.#pending.subarray(size);
      this.#onFrame(frame);
    }
  }

  #onFrame(frame: Buffer): void {
    const packets = parser({ protocolVersion: this.level });
    packets.on('error', (error: Error) => {
      throw error;
    });
    packets.on('packet', (packet: Packet) => {
      this.packets.push(packet);
      this.frames.push(frame);
      if (!this.#manual) this.#acknowledge(packet);
      const index = this.#waiters.findIndex(({ cmd }) => cmd === packet.cmd);
      if (index < 0) this.#untaken.push(packet);
      else this.#waiters.splice(index, 1)[0]!.resolve(packet);
    });
    packets.parse(frame);
  }

  #acknowledge(packet: Packet): void {
    const { messageId } = packet;
    if (packet.cmd === 'publish' && packet.qos === 1) this.send({ cmd: 'puback', messageId: messageId! });
    if (packet.cmd === 'publish' && packet.qos === 2) this.send({ cmd: 'pubrec', messageId: messageId! });
    if (packet.cmd === 'pubrel') this.send({ cmd: 'pubcomp', messageId: messageId! });
  }

  /** Sends the packets in one segment. */
  send(...packets: Packet[]): void {
    this.write(...packets.map((packet) => generate(packet, { protocolVersion: this.level })));
  }

  write(...bytes: (Buffer | readonly number[])[]): void {
    this.#socket.write(Buffer.concat(bytes.map((each) => Buffer.from(each))));
  }

  /** Returns the next packet of this type that no earlier call returned. Waits for it. */
  async next<Cmd extends Packet['cmd']>(cmd: Cmd): Promise<PacketOf<Cmd>> {
    const index = this.#untaken.findIndex((packet) => packet.cmd === cmd);
    if (index >= 0) return this.#untaken.splice(index, 1)[0] as PacketOf<Cmd>;
    if (this.isClosed) throw this.#closedError();
    const packet = new Promise<Packet>((resolve, reject) => this.#waiters.push({ cmd, resolve, reject }));
    return (await within(packet, () => `${cmd}; ${this.#lastPacket}`)) as PacketOf<Cmd>;
  }

  /** Sends CONNECT, and waits for CONNACK. */
  async connect(options: Partial<IConnectPacket> & { clientId: string }): Promise<IConnackPacket> {
    this.send(connectPacket(this.level, options));
    return this.next('connack');
  }

  /** The CONNACK of this connection. */
  get connack(): IConnackPacket {
    return this.received('connack')[0]!;
  }

  /** All packets of this type so far. */
  received<Cmd extends Packet['cmd']>(cmd: Cmd): PacketOf<Cmd>[] {
    return this.packets.filter((packet): packet is PacketOf<Cmd> => packet.cmd === cmd);
  }

  /** The payloads of all messages so far. */
  get payloads(): string[] {
    return this.received('publish').map(({ payload }) => payload.toString());
  }

  nextPacketId(): number {
    return ++this.#lastPacketId;
  }

  /** Subscribes and waits for SUBACK. @returns the codes of SUBACK */
  async subscribe(
    filter: string,
    qos: 0 | 1 | 2 = 0,
    options: Partial<ISubscription> = {},
  ): Promise<number[]> {
    const messageId = this.nextPacketId();
    this.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos, ...options }] });
    return (await this.next('suback')).granted as number[];
  }

  /** Publishes, and waits until the server has acknowledged the message. */
  async publish(topic: string, payload: string | Buffer, options: Partial<Publish> = {}): Promise<void> {
    const { qos = 0 } = options;
    const messageId = options.messageId ?? (qos > 0 ? this.nextPacketId() : undefined);
    this.send({ ...publishPacket(topic, payload, options), ...(messageId !== undefined && { messageId }) });
    if (qos === 0) return this.settle();
    if (qos === 1) return void (await this.next('puback'));
    await this.next('pubrec');
    this.send({ cmd: 'pubrel', messageId: messageId! });
    await this.next('pubcomp');
  }

  /** Makes a PINGREQ round trip: all that the server sent before PINGRESP has arrived then. */
  async settle(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.next('pingresp');
  }

  /** Waits for the message with this payload, and returns the payloads of all messages until then. */
  async payloadsUntil(last: string): Promise<string[]> {
    while (!this.payloads.includes(last)) await this.next('publish');
    return this.payloads;
  }

  /** Closes the socket without DISCONNECT. */
  drop(): void {
    this.#socket.destroy();
  }

  /** Sends DISCONNECT, and waits until the server has closed the connection. */
  async disconnect(): Promise<void> {
    this.send({ cmd: 'disconnect' });
    await this.closed;
  }
}

/** Returns the bytes of the first packet in the buffer, or null if its length has not arrived yet. */
function frameBytes(bytes: Buffer): number | null {
  let length = 0;
  for (let index = 1; index < Math.min(bytes.length, 5); index++) {
    length += (bytes[index]! & 0x7f) * 128 ** (index - 1);
    if (bytes[index]! < 0x80) return 1 + index + length;
  }
  return null;
}

export function connectPacket(
  level: Level,
  options: Partial<IConnectPacket> & { clientId: string },
): IConnectPacket {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: level,
    clean: true,
    keepalive: 0,
    ...options,
  };
}

export function publishPacket(
  topic: string,
  payload: string | Buffer,
  options: Partial<Publish> = {},
): IPublishPacket {
  return { cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false, ...options };
}
