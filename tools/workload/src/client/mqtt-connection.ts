import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, Packet } from 'mqtt-packet';

/** A connection from which nothing came for so long is given up. */
export const silenceMsMax = 3_000;
const pingAfterSilenceMs = 1_000;
/** Whoever only receives must still say something within the keep alive time [MQTT-3.1.2-24]. */
const pingAfterSayingNothingMs = 4_000;
const checkIntervalMs = 250;
/** After a DISCONNECT or a reset the socket may linger for so long. */
const lingerMsMax = 1_000;
/** What has vanished still has a socket, as far as its server can tell. */
const vanishedMsMax = 20_000;
/** First code of a failure [MQTT5 2.4]; every CONNACK code of 3.1.1 but 0 is one. */
const failureCodeMin = 0x80;

export interface Server {
  /** As in the header of the history. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

/** How a connection ended that we did not end. */
export interface Ending {
  /** `server`: closed or refused from the other side; `lost`: reset, silence, or no way there. */
  readonly how: 'server' | 'lost';
  /** The reason code, if it said one. */
  readonly code?: number;
  readonly why: string;
}

export interface WireHandlers {
  onConnected(sessionPresent: boolean, receiveMaximum: number): void;
  onPacket(packet: Packet): void;
  /** At most once, and not after `abandon` or `disconnect`. */
  onEnded(ending: Ending): void;
}

/** One MQTT connection: packets in, packets out, pings, and a bound on silence. Keeps no session state. */
export class Wire {
  readonly #socket: Socket;
  readonly #handlers: WireHandlers;
  readonly #version: 4 | 5;
  readonly #timer: NodeJS.Timeout;
  #heardAtMs = performance.now();
  #saidAtMs = performance.now();
  #pingedAtMs = 0;
  #connected = false;
  #ended = false;

  /** @param makeConnect asked when the socket is open. */
  constructor(server: Server, version: 4 | 5, makeConnect: () => IConnectPacket, handlers: WireHandlers) {
    this.#handlers = handlers;
    this.#version = version;
    this.#socket = connect({ host: server.host, port: server.port, noDelay: true });
    const packets = parser({ protocolVersion: version });
    packets.on('packet', (received: Packet) => this.#take(received));
    packets.on('error', (error: Error) =>
      this.#finish({ how: 'server', why: `ill-formed packet: ${error.message}` }),
    );
    this.#socket.on('connect', () => {
      if (this.#ended) return;
      this.send(makeConnect());
    });
    this.#socket.on('data', (data) => {
      if (this.#ended) return;
      this.#heardAtMs = performance.now();
      packets.parse(data as Buffer);
    });
    this.#socket.on('error', (error) => this.#finish({ how: 'lost', why: error.message }));
    this.#socket.on('close', () => this.#finish({ how: 'server', why: 'closed' }));
    this.#timer = setInterval(() => this.#check(), checkIntervalMs);
  }

  send(packet: Packet): void {
    if (this.#ended) return;
    this.#saidAtMs = performance.now();
    this.#socket.write(generate(packet, { protocolVersion: this.#version }));
  }

  /** Without a word, as if the power had gone. */
  abandon(): void {
    this.#end();
    this.#socket.resetAndDestroy();
  }

  /** As if its network had gone: the server hears nothing, not even that the connection has ended. */
  vanish(): void {
    this.#end();
    setTimeout(() => this.#socket.destroy(), vanishedMsMax).unref();
  }

  /** With a DISCONNECT: no will [MQTT-3.1.2-10]. */
  disconnect(): void {
    this.send({ cmd: 'disconnect', ...(this.#version === 5 ? { reasonCode: 0 } : {}) });
    this.#end();
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), lingerMsMax).unref();
  }

  #end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
  }

  #finish(ending: Ending): void {
    if (this.#ended) return;
    this.#end();
    this.#socket.destroy();
    this.#handlers.onEnded(ending);
  }

  #take(packet: Packet): void {
    if (this.#ended) return;
    if (packet.cmd === 'disconnect') {
      const code = packet.reasonCode ?? 0;
      return this.#finish({ how: 'server', code, why: `DISCONNECT with ${code}` });
    }
    if (this.#connected) return this.#handlers.onPacket(packet);
    if (packet.cmd !== 'connack') {
      return this.#finish({ how: 'server', why: `${packet.cmd} before CONNACK [MQTT-3.2.0-1]` });
    }
    const code = packet.reasonCode ?? packet.returnCode ?? 0;
    if (code >= failureCodeMin || (this.#version === 4 && code !== 0)) {
      return this.#finish({ how: 'server', code, why: `refused with ${code}` });
    }
    this.#connected = true;
    this.#handlers.onConnected(packet.sessionPresent, packet.properties?.receiveMaximum ?? Infinity);
  }

  #check(): void {
    const nowMs = performance.now();
    const silentMs = nowMs - this.#heardAtMs;
    if (silentMs > silenceMsMax) return this.#finish({ how: 'lost', why: 'silent' });
    const due = silentMs > pingAfterSilenceMs || nowMs - this.#saidAtMs > pingAfterSayingNothingMs;
    if (this.#connected && due && nowMs - this.#pingedAtMs > pingAfterSilenceMs) {
      this.#pingedAtMs = nowMs;
      this.send({ cmd: 'pingreq' });
    }
  }
}
