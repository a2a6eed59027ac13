import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, Packet } from 'mqtt-packet';
import { resetSocket } from '../reset-socket.ts';

const silenceMsMaxDefault = 3_000;
const pingAfterSilenceMsDefault = 1_000;
/**
 * The client sends PINGREQ when it has sent no packet for this time. A client must send a packet within its keep alive
 * time, also if it only receives [3.1.1 MQTT-3.1.2-23].
 */
const pingAfterSendingNothingMs = 4_000;
const checkIntervalMs = 250;
/** How long the socket may stay open after a DISCONNECT. */
const lingerMsMax = 1_000;
/** How long a vanished client keeps its socket open. During this time the server cannot detect the loss of the client. */
const vanishedMsMax = 20_000;
/** Lowest reason code of a failure [MQTT5 2.4]. In MQTT 3.1.1 every CONNACK return code except 0 is a failure. */
const failureCodeMin = 0x80;

/** How clients present themselves to a server with TLS. */
export interface ServerAccess {
  /** The authority that signs the certificates of the servers (PEM). */
  readonly ca: string;
  readonly userName?: string;
  readonly password?: string;
}

export interface ServerAddress {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** Absent: the server has no TLS and needs no user. */
  readonly access?: ServerAccess;
}

/** Many clients share the authorities of one server, and parsing them is slow. */
const secureContexts = new WeakMap<ServerAccess, SecureContext>();

/** Starts TLS on a connection, and checks the certificate of the server for its host. */
export function startTls(socket: Socket, host: string, access: ServerAccess): Socket {
  let secureContext = secureContexts.get(access);
  if (secureContext === undefined) {
    secureContext = createSecureContext({ ca: access.ca });
    secureContexts.set(access, secureContext);
  }
  return connectTls({ socket, host, secureContext });
}

/** How and why a connection ended, if this client did not end it. */
export interface ConnectionEnd {
  /** `server`: the server closed or refused the connection. `lost`: any other end, such as a reset or a timeout. */
  readonly how: 'server' | 'lost';
  /** Reason code of the server's CONNACK or DISCONNECT; undefined if the server sent no such packet. */
  readonly code?: number;
  readonly why: string;
}

export interface ConnectionHandlers {
  /** Called at the CONNACK. @param receiveMaximum Infinity when the CONNACK contains no Receive Maximum */
  onConnected(sessionPresent: boolean, receiveMaximum: number): void;
  onPacket(packet: Packet): void;
  /** Called at most once, and never after `abandon`, `vanish` or `disconnect`. */
  onEnded(end: ConnectionEnd): void;
}

export interface ConnectionOptions {
  readonly server: ServerAddress;
  /** Protocol version: 4 is MQTT 3.1.1, 5 is MQTT 5. */
  readonly version: 4 | 5;
  /** Returns the CONNECT packet. Called when the socket is open. */
  readonly makeConnect: () => IConnectPacket;
  readonly handlers: ConnectionHandlers;
  /** The client closes a connection on which it has received no packet for this time; 3 s by default. */
  readonly silenceMsMax?: number;
  /** The client sends PINGREQ after this time without a received packet; 1 s by default. */
  readonly pingAfterSilenceMs?: number;
}

/**
 * One MQTT connection of a client. It sends and receives packets, sends pings and detects a silent server. It keeps no
 * session state.
 */
export class MqttConnection {
  /** The TCP connection, which is that of the server or carries TLS. */
  readonly #tcp: Socket;
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
    const { host, port, access } = options.server;
    this.#tcp = connect({ host, port, noDelay: true });
    this.#socket = access === undefined ? this.#tcp : startTls(this.#tcp, host, access);
    const packets = parser({ protocolVersion: options.version });
    packets.on('packet', (received: Packet) => this.#receive(received));
    packets.on('error', (error: Error) =>
      this.#finish({ how: 'server', why: `malformed packet: ${error.message}` }),
    );
    this.#socket.on(access === undefined ? 'connect' : 'secureConnect', () => {
      if (!this.#ended) this.send({ ...options.makeConnect(), ...credentialsOf(access) });
    });
    if (access !== undefined) this.#tcp.on('error', (error) => this.#socket.destroy(error));
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

  /** Resets the connection without a DISCONNECT, as when the client's process is killed. */
  abandon(): void {
    this.#end();
    resetSocket(this.#tcp);
    this.#socket.destroy();
  }

  /** Stops sending and receiving but leaves the socket open, as when the client's network fails. */
  vanish(): void {
    this.#end();
    setTimeout(() => this.#socket.destroy(), vanishedMsMax).unref();
  }

  /** Sends DISCONNECT, so that the server publishes no will [MQTT-3.1.2-10], and closes the socket. */
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

function credentialsOf({ userName, password }: Partial<ServerAccess> = {}): Partial<IConnectPacket> {
  return {
    ...(userName !== undefined && { username: userName }),
    ...(password !== undefined && { password: Buffer.from(password) }),
  };
}
