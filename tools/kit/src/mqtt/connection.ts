import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, Packet } from 'mqtt-packet';

const silenceMsMaxDefault = 3_000;
const pingAfterSilenceMsDefault = 1_000;
/** A client that only receives must send a packet within its keep alive time [MQTT-3.1.2-24]. */
const pingAfterSendingNothingMs = 4_000;
const checkIntervalMs = 250;
/** How long the socket may stay open after a DISCONNECT. */
const lingerMsMax = 1_000;
/** How long a vanished client keeps its socket open; until then its server cannot detect the loss. */
const vanishedMsMax = 20_000;
/** First reason code of a failure [MQTT5 2.4]; in 3.1.1 every CONNACK return code but 0 is a failure. */
const failureCodeMin = 0x80;

export interface ServerAddress {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

/** How a connection ended that this client did not end. */
export interface ConnectionEnd {
  /** `server`: the server closed or refused the connection. `lost`: reset, silence, or no route to the server. */
  readonly how: 'server' | 'lost';
  /** Reason code of CONNACK or DISCONNECT, if the server sent one. */
  readonly code?: number;
  readonly why: string;
}

export interface ConnectionHandlers {
  /** @param receiveMaximum Infinity when the server sent none */
  onConnected(sessionPresent: boolean, receiveMaximum: number): void;
  onPacket(packet: Packet): void;
  /** Called at most once, and never after `abandon`, `vanish` or `disconnect`. */
  onEnded(end: ConnectionEnd): void;
}

export interface ConnectionOptions {
  readonly server: ServerAddress;
  /** 4 is MQTT 3.1.1, 5 is MQTT 5. */
  readonly version: 4 | 5;
  /** Called when the socket is open. */
  readonly makeConnect: () => IConnectPacket;
  readonly handlers: ConnectionHandlers;
  /** The client gives up a connection on which it has received nothing for this time; 3 s by default. */
  readonly silenceMsMax?: number;
  /** The client sends PINGREQ after this time without a received packet; 1 s by default. */
  readonly pingAfterSilenceMs?: number;
}

/** One MQTT connection: sends and receives packets, pings, and detects a silent server. Keeps no session state. */
export class MqttConnection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #timer: NodeJS.Timeout;
  #receivedAtMs = performance.now();
  #sentAtMs = performance.now();
  #pingedAtMs = 0;
  #connected = false;
  #ended = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { host, port } = options.server;
    this.#socket = connect({ host, port, noDelay: true });
    const packets = parser({ protocolVersion: options.version });
    packets.on('packet', (received: Packet) => this.#receive(received));
    packets.on('error', (error: Error) =>
      this.#finish({ how: 'server', why: `malformed packet: ${error.message}` }),
    );
    this.#socket.on('connect', () => {
      if (!this.#ended) this.send(options.makeConnect());
    });
    this.#socket.on('data', (data) => {
      if (this.#ended) return;
      this.#receivedAtMs = performance.now();
      packets.parse(data as Buffer);
    });
    this.#socket.on('error', (error) => this.#finish({ how: 'lost', why: error.message }));
    this.#socket.on('close', () => this.#finish({ how: 'server', why: 'closed' }));
    this.#timer = setInterval(() => this.#check(), checkIntervalMs);
  }

  /** Sends a packet. Does nothing after the end of the connection. */
  send(packet: Packet): void {
    if (this.#ended) return;
    this.#sentAtMs = performance.now();
    this.#socket.write(generate(packet, { protocolVersion: this.#options.version }));
  }

  /** Resets the connection without a DISCONNECT, as if the client's process were killed. */
  abandon(): void {
    this.#end();
    this.#socket.resetAndDestroy();
  }

  /** Stops sending and receiving and leaves the socket open, as if the client's network were gone. */
  vanish(): void {
    this.#end();
    setTimeout(() => this.#socket.destroy(), vanishedMsMax).unref();
  }

  /** Sends DISCONNECT, so that the server publishes no will [MQTT-3.1.2-10], and closes. */
  disconnect(): void {
    this.send({ cmd: 'disconnect', ...(this.#options.version === 5 ? { reasonCode: 0 } : {}) });
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
    this.#options.handlers.onEnded(end);
  }

  #receive(packet: Packet): void {
    if (this.#ended) return;
    if (packet.cmd === 'disconnect') {
      const code = packet.reasonCode ?? 0;
      return this.#finish({ how: 'server', code, why: `DISCONNECT with reason code ${code}` });
    }
    const { version, handlers } = this.#options;
    if (this.#connected) return handlers.onPacket(packet);
    if (packet.cmd !== 'connack') {
      return this.#finish({ how: 'server', why: `${packet.cmd} before CONNACK [MQTT-3.2.0-1]` });
    }
    const code = packet.reasonCode ?? packet.returnCode ?? 0;
    if (code >= failureCodeMin || (version === 4 && code !== 0)) {
      return this.#finish({ how: 'server', code, why: `refused with CONNACK code ${code}` });
    }
    this.#connected = true;
    handlers.onConnected(packet.sessionPresent, packet.properties?.receiveMaximum ?? Infinity);
  }

  #check(): void {
    const { silenceMsMax = silenceMsMaxDefault, pingAfterSilenceMs = pingAfterSilenceMsDefault } =
      this.#options;
    const nowMs = performance.now();
    const silentMs = nowMs - this.#receivedAtMs;
    if (silentMs > silenceMsMax) return this.#finish({ how: 'lost', why: 'silent' });
    const due = silentMs > pingAfterSilenceMs || nowMs - this.#sentAtMs > pingAfterSendingNothingMs;
    if (this.#connected && due && nowMs - this.#pingedAtMs > pingAfterSilenceMs) {
      this.#pingedAtMs = nowMs;
      this.send({ cmd: 'pingreq' });
    }
  }
}
