import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, Packet } from 'mqtt-packet';

/** A connection from which nothing came for so long is given up (design, P8: our clients ping every second). */
export const silenceMsMax = 2_000;
const pingAfterSilenceMs = 900;
const checkIntervalMs = 250;

export interface Server {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

export interface ConnectionHandlers {
  onConnected(sessionPresent: boolean): void;
  onPacket(packet: Packet): void;
  /** Exactly once, unless {@link Connection.abandon} or `disconnect` was called. */
  onClosed(reason: string): void;
}

/** One MQTT 3.1.1 connection: packets in, packets out, pings, and a bound on silence. Keeps no session state. */
export class Connection {
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  readonly #timer: NodeJS.Timeout;
  #heardAtMs = performance.now();
  #pingedAtMs = 0;
  #connected = false;
  #ended = false;

  constructor(server: Server, packet: IConnectPacket, handlers: ConnectionHandlers) {
    this.#handlers = handlers;
    this.#socket = connect({ host: server.host, port: server.port, noDelay: true });
    const packets = parser({ protocolVersion: 4 });
    packets.on('packet', (received: Packet) => this.#take(received));
    packets.on('error', (error: Error) => this.#close(`ill-formed packet: ${error.message}`));
    this.#socket.on('connect', () => this.send(packet));
    this.#socket.on('data', (data) => {
      this.#heardAtMs = performance.now();
      packets.parse(data as Buffer);
    });
    this.#socket.on('error', (error) => this.#close(error.message));
    this.#socket.on('close', () => this.#close('closed'));
    this.#timer = setInterval(() => this.#check(), checkIntervalMs);
  }

  send(packet: Packet): void {
    if (!this.#ended) this.#socket.write(generate(packet));
  }

  /** Without a word, as if the power had gone. */
  abandon(): void {
    this.#end();
    this.#socket.resetAndDestroy();
  }

  /** With a DISCONNECT: no will [MQTT-3.1.2-10]. */
  disconnect(): void {
    this.send({ cmd: 'disconnect' });
    this.#end();
    this.#socket.end();
    this.#socket.on('error', () => undefined);
  }

  #end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
  }

  #close(reason: string): void {
    if (this.#ended) return;
    this.#end();
    this.#socket.destroy();
    this.#handlers.onClosed(reason);
  }

  #take(packet: Packet): void {
    if (this.#ended) return;
    if (this.#connected) return this.#handlers.onPacket(packet);
    if (packet.cmd !== 'connack') return this.#close(`${packet.cmd} before CONNACK`);
    if (packet.returnCode !== 0) return this.#close(`refused with ${packet.returnCode}`);
    this.#connected = true;
    this.#handlers.onConnected(packet.sessionPresent);
  }

  #check(): void {
    const nowMs = performance.now();
    const silentMs = nowMs - this.#heardAtMs;
    if (silentMs > silenceMsMax) this.#close('silent');
    else if (
      this.#connected &&
      silentMs > pingAfterSilenceMs &&
      nowMs - this.#pingedAtMs > pingAfterSilenceMs
    ) {
      this.#pingedAtMs = nowMs;
      this.send({ cmd: 'pingreq' });
    }
  }
}
