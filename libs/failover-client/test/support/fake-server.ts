import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, Packet } from 'mqtt-packet';
import { createWebSocketStream, WebSocketServer } from 'ws';

export interface FakeServerOptions {
  /** Returns the CONNACK for a CONNECT, or null to send none. */
  connack?: (connect: IConnectPacket) => Partial<Extract<Packet, { cmd: 'connack' }>> | null;
  /** Called for every packet after CONNECT. True means that the server sends no response of its own. */
  onPacket?: (packet: Packet, server: FakeServer, socket: Duplex) => boolean;
  /** Payloads of retained messages by topic. The server sends them for each subscription to the topic. */
  retained?: Record<string, string>;
  tls?: TlsOptions;
  webSocket?: boolean;
  /** Protocol version of the packets; 5 by default. */
  version?: 4 | 5;
}

interface Waiter {
  readonly matches: (packet: Packet) => boolean;
  readonly resolve: (packet: Packet) => void;
}

/** A minimal MQTT server: it acknowledges packets, records them, and can be killed or silenced. */
export class FakeServer {
  readonly #options: FakeServerOptions;
  readonly #server: Server;
  readonly sockets = new Set<Duplex>();
  readonly packetLog: Packet[] = [];
  #waiters: Waiter[] = [];
  #silent = false;
  #port = 0;

  constructor(options: FakeServerOptions = {}) {
    this.#options = options;
    this.#server = this.#createServer();
  }

  #createServer(): Server {
    const { tls, webSocket = false } = this.#options;
    if (!webSocket) {
      const serve = (socket: Duplex): void => this.#serve(socket);
      return tls ? createTlsServer(tls, serve) : createServer(serve);
    }
    const server = tls ? createHttpsServer(tls) : createHttpServer();
    const upgrader = new WebSocketServer({ server, path: '/mqtt' });
    upgrader.on('connection', (socket) => this.#serve(createWebSocketStream(socket)));
    return server;
  }

  get url(): string {
    const { tls, webSocket = false } = this.#options;
    const scheme = `${webSocket ? 'ws' : 'mqtt'}${tls ? 's' : ''}`;
    return `${scheme}://127.0.0.1:${this.#port}${webSocket ? '/mqtt' : ''}`;
  }

  /** Starts to listen. After `kill` the server listens on its former port again. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Behaves like a killed process: closes all connections and refuses new ones. */
  async kill(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Behaves like an unplugged host: connections stay open, and nothing is sent. */
  silence(): void {
    this.#silent = true;
  }

  send(packet: Packet): void {
    for (const socket of this.sockets) socket.write(generate(packet, { protocolVersion: 5 }));
  }

  packets<Command extends Packet['cmd']>(command: Command): Extract<Packet, { cmd: Command }>[] {
    return this.packetLog.filter((packet) => packet.cmd === command) as Extract<Packet, { cmd: Command }>[];
  }

  /** Resolves with the first packet that matches, already received or not. */
  async received(matches: (packet: Packet) => boolean): Promise<Packet> {
    const logged = this.packetLog.find(matches);
    return logged ?? new Promise((resolve) => this.#waiters.push({ matches, resolve }));
  }

  #serve(socket: Duplex): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const packets = parser({ protocolVersion: this.#options.version ?? 5 });
    packets.on('packet', (packet) => this.#onPacket(packet, socket));
    packets.on('error', () => socket.destroy());
    socket.on('data', (data) => packets.parse(data));
  }

  #onPacket(packet: Packet, socket: Duplex): void {
    this.packetLog.push(packet);
    const resolved = this.#waiters.filter(({ matches }) => matches(packet));
    this.#waiters = this.#waiters.filter((waiter) => !resolved.includes(waiter));
    for (const { resolve } of resolved) resolve(packet);
    if (this.#silent) return;
    if (packet.cmd !== 'connect' && this.#options.onPacket?.(packet, this, socket)) return;
    const protocolVersion = this.#options.version ?? 5;
    for (const answer of this.#answers(packet)) socket.write(generate(answer, { protocolVersion }));
  }

  #answers(packet: Packet): Packet[] {
    switch (packet.cmd) {
      case 'connect': {
        const connack = this.#options.connack ? this.#options.connack(packet) : {};
        return connack === null ? [] : [{ cmd: 'connack', reasonCode: 0, sessionPresent: false, ...connack }];
      }
      case 'publish':
        return packet.qos === 0
          ? []
          : [
              {
                cmd: packet.qos === 1 ? 'puback' : 'pubrec',
                messageId: packet.messageId ?? 0,
                reasonCode: 0,
              },
            ];
      case 'pubrel':
        return [{ cmd: 'pubcomp', messageId: packet.messageId ?? 0, reasonCode: 0 }];
      case 'pubrec':
        return [{ cmd: 'pubrel', messageId: packet.messageId ?? 0, reasonCode: 0 }];
      case 'subscribe': {
        const topics = packet.subscriptions.map(({ topic }) => topic);
        const retained = topics.flatMap((topic) => {
          const payload = this.#options.retained?.[topic];
          return payload === undefined ? [] : [publishPacket(topic, payload, { retain: true })];
        });
        const suback: Packet = {
          cmd: 'suback',
          messageId: packet.messageId ?? 0,
          granted: packet.subscriptions.map(({ qos }) => qos),
        };
        return [suback, ...retained];
      }
      case 'unsubscribe':
        return [
          { cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: packet.unsubscriptions.map(() => 0) },
        ];
      case 'pingreq':
        return [{ cmd: 'pingresp' }];
      default:
        return [];
    }
  }
}

function publishPacket(
  topic: string,
  payload: string,
  more: Partial<Extract<Packet, { cmd: 'publish' }>> = {},
): Packet {
  return { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false, ...more };
}
