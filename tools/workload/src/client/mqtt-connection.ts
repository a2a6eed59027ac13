import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, Packet } from 'mqtt-packet';

/** The client closes a connection that has delivered no bytes for this long. */
const silenceMsMax = 3_000;
const pingAfterSilenceMs = 1_000;
/** A client that only receives must still send a packet within its keep-alive time [MQTT-3.1.2-24]. */
const pingAfterSendingNothingMs = 4_000;
const checkIntervalMs = 250;
/** How long the socket may stay open after a DISCONNECT, so that the packet is sent. */
const lingerMsMax = 1_000;
/** How long the socket of a client that has vanished stays open: its server must not notice the end. */
const vanishedMsMax = 20_000;
/** First reason code of a failure [MQTT5 2.4]; in MQTT 3.1.1 every CONNACK code except 0 is a failure. */
const failureCodeMin = 0x80;

/** A broker's MQTT listener. */
export interface Server {
  /** The broker's name in the header of the history. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

/** How a connection ended that the client did not end itself. */
export interface ConnectionEnd {
  /** `server`: the server closed or rejected it; `lost`: reset, silence, or the server could not be reached. */
  readonly how: 'server' | 'lost';
  /** The reason code, if the server sent one. */
  readonly code?: number;
  readonly why: string;
}

export interface ConnectionHandlers {
  onConnected(sessionPresent: boolean, receiveMaximum: number): void;
  onPacket(packet: Packet): void;
  /** Called at most once, and not after `reset`, `vanish` or `disconnect`. */
  onEnded(end: ConnectionEnd): void;
}

/** One MQTT connection: sends and receives packets, pings, and closes when the server is silent. Keeps no session state. */
export class MqttConnection {
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  readonly #version: 4 | 5;
  readonly #timer: NodeJS.Timeout;
  #receivedAtMs = performance.now();
  #sentAtMs = performance.now();
  #pingedAtMs = 0;
  #connected = false;
  #ended = false;

  /** @param makeConnect Called when the socket is open; returns the CONNECT packet. */
  constructor(
    server: Server,
    version: 4 | 5,
    makeConnect: () => IConnectPacket,
    handlers: ConnectionHandlers,
  ) {
    this.#handlers = handlers;
    this.#version = version;
    this.#socket = connect({ host: server.host, port: server.port, noDelay: true });
    const packets = parser({ protocolVersion: version });
    packets.on('packet', (received: Packet) => this.#receive(received));
    packets.on('error', (error: Error) =>
      this.#finish({ how: 'server', why: `malformed packet: ${error.message}` }),
    );
    this.#socket.on('connect', () => {
      if (this.#ended) return;
      this.send(makeConnect());
    });
    this.#socket.on('data', (data) => {
      if (this.#ended) return;
      this.#receivedAtMs = performance.now();
      packets.parse(data as Buffer);
    });
    this.#socket.on('error', (error) => this.#finish({ how: 'lost', why: error.message }));
    this.#socket.on('close', () => this.#finish({ how: 'server', why: 'closed' }));
    this.#timer = setInterval(() => this.#checkSilence(), checkIntervalMs);
  }

  send(packet: Packet): void {
    if (this.#ended) return;
    this.#sentAtMs = performance.now();
    this.#socket.write(generate(packet, { protocolVersion: this.#version }));
  }

  /** Resets the connection without a DISCONNECT, as if the client's process had been killed. */
  reset(): void {
    this.#end();
    this.#socket.resetAndDestroy();
  }

  /** Sends nothing more but keeps the socket open, as if the client's network had failed: the server sees no FIN or RST. */
  vanish(): void {
    this.#end();
    setTimeout(() => this.#socket.destroy(), vanishedMsMax).unref();
  }

  /** Sends a DISCONNECT, so that the server publishes no will [MQTT-3.1.2-10], and closes. */
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

  #finish(end: ConnectionEnd): void {
    if (this.#ended) return;
    this.#end();
    this.#socket.destroy();
    this.#handlers.onEnded(end);
  }

  #receive(packet: Packet): void {
    if (this.#ended) return;
    if (packet.cmd === 'disconnect') {
      const code = packet.reasonCode ?? 0;
      return this.#finish({ how: 'server', code, why: `DISCONNECT with code ${code}` });
    }
    if (this.#connected) return this.#handlers.onPacket(packet);
    if (packet.cmd !== 'connack') {
      return this.#finish({ how: 'server', why: `${packet.cmd} before CONNACK [MQTT-3.2.0-1]` });
    }
    const code = packet.reasonCode ?? packet.returnCode ?? 0;
    if (code >= failureCodeMin || (this.#version === 4 && code !== 0)) {
      return this.#finish({ how: 'server', code, why: `CONNECT rejected with code ${code}` });
    }
    this.#connected = true;
    this.#handlers.onConnected(packet.sessionPresent, packet.properties?.receiveMaximum ?? Infinity);
  }

  #checkSilence(): void {
    const nowMs = performance.now();
    const silentMs = nowMs - this.#receivedAtMs;
    if (silentMs > silenceMsMax) return this.#finish({ how: 'lost', why: 'the server is silent' });
    const due = silentMs > pingAfterSilenceMs || nowMs - this.#sentAtMs > pingAfterSendingNothingMs;
    if (this.#connected && due && nowMs - this.#pingedAtMs > pingAfterSilenceMs) {
      this.#pingedAtMs = nowMs;
      this.send({ cmd: 'pingreq' });
    }
  }
}
