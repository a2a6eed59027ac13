import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, Packet } from 'mqtt-packet';

const answerMsMax = 10_000;

/** `accepted`, `refused` (CONNACK with a code), `closed` (without CONNACK), or `silent` (no answer within 10 s). */
export type ConnectOutcome = 'accepted' | 'refused' | 'closed' | 'silent';

export interface RawClientOptions {
  readonly host: string;
  readonly port: number;
  /** Address from which the client connects. */
  readonly from: string;
  /** True: connects with TLS, without a certificate of its own and without a check of the server. */
  readonly secure?: boolean;
}

/** A socket for bytes that no MQTT library would send. It has no timers of its own and never reconnects. */
export class RawClient {
  readonly socket: Socket;
  readonly #version: 4 | 5;
  #onPacket: (packet: Packet) => void = () => undefined;
  #closed = false;
  readonly closed: Promise<void>;

  constructor({ host, port, from, secure = false }: RawClientOptions, version: 4 | 5 = 4) {
    this.#version = version;
    const address = { host, port, localAddress: from, noDelay: true };
    this.socket = secure ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.#closed = true;
        resolve();
      });
    });
    const packets = parser({ protocolVersion: version });
    packets.on('packet', (packet: Packet) => this.#onPacket(packet));
    // An attacker does not care what a server sends; a parser that has failed ignores the rest.
    packets.on('error', () => undefined);
    this.socket.on('data', (data: Buffer) => packets.parse(data));
  }

  get hasClosed(): boolean {
    return this.#closed;
  }

  /** Sets the function that receives all packets after CONNACK. */
  onPacket(listener: (packet: Packet) => void): void {
    this.#onPacket = listener;
  }

  /** Sends CONNECT and waits for the answer. */
  async login(options: Partial<IConnectPacket> & { readonly clientId: string }): Promise<ConnectOutcome> {
    const answered = new Promise<ConnectOutcome>((resolve) => {
      const timer = setTimeout(() => resolve('silent'), answerMsMax);
      void this.closed.then(() => {
        clearTimeout(timer);
        resolve('closed');
      });
      this.onPacket((packet) => {
        if (packet.cmd !== 'connack') return;
        clearTimeout(timer);
        resolve((packet.returnCode ?? packet.reasonCode ?? 0) === 0 ? 'accepted' : 'refused');
      });
    });
    this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: this.#version,
      clean: true,
      keepalive: 0,
      ...options,
    } as IConnectPacket);
    return answered;
  }

  send(packet: Packet): void {
    this.write(generate(packet, { protocolVersion: this.#version }));
  }

  write(bytes: Buffer): void {
    if (!this.#closed) this.socket.write(bytes);
  }

  /** Resolves when the socket has taken all bytes or has closed. */
  async drained(): Promise<void> {
    if (this.#closed || this.socket.writableLength === 0) return;
    await Promise.race([new Promise<void>((resolve) => this.socket.once('drain', resolve)), this.closed]);
  }

  destroy(): void {
    this.socket.destroy();
  }
}
