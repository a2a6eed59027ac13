import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { resetSocket } from '@mqtt-cluster/kit';
import { generate, parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';

/**
 * One connection to the fake broker: the packets that the client sent, and methods to answer these packets.
 */
export interface BrokerConnection {
  readonly version: 4 | 5;
  readonly packets: Packet[];
  /** Whether the client has closed the connection. */
  readonly ended: boolean;
  send(packet: Packet): void;
  /** Closes the connection with FIN, or with RST if `reset` is true. */
  end(reset?: boolean): void;
  /** Resolves with the first received packet of the kind `cmd` that no earlier call returned. */
  next<C extends Packet['cmd']>(cmd: C): Promise<Extract<Packet, { cmd: C }>>;
}

/** A broker that sends only the packets that the test passes to it. */
export class FakeBroker {
  readonly #server: Server;
  readonly #connections: BrokerConnection[] = [];
  readonly #waiting: ((connection: BrokerConnection) => void)[] = [];
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async open(): Promise<{ id: string; host: string; port: number }> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return { id: 'fake', host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resolves with the next connection as soon as its CONNECT has arrived. */
  nextConnection(): Promise<BrokerConnection> {
    const connection = this.#connections.shift();
    return connection === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(connection);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const packets: Packet[] = [];
    const requests: { cmd: string; resolve: (packet: Packet) => void }[] = [];
    const returned = new Set<Packet>();
    const versions = { current: 4 as 4 | 5 };
    const connection: BrokerConnection = {
      get version() {
        return versions.current;
      },
      packets,
      get ended() {
        return socket.readableEnded || socket.destroyed;
      },
      send: (packet) => void socket.write(generate(packet, { protocolVersion: versions.current })),
      end: (reset = false) => void (reset ? resetSocket(socket) : socket.end()),
      next: (cmd) => {
        const found = packets.find((packet) => packet.cmd === cmd && !returned.has(packet));
        if (found === undefined)
          return new Promise((resolve) =>
            requests.push({ cmd, resolve: resolve as (packet: Packet) => void }),
          );
        returned.add(found);
        return Promise.resolve(found as never);
      },
    };
    const incoming = parser();
    incoming.on('packet', (packet) => {
      packets.push(packet);
      if (packet.cmd === 'connect') {
        versions.current = packet.protocolVersion === 5 ? 5 : 4;
        const resolve = this.#waiting.shift();
        if (resolve === undefined) this.#connections.push(connection);
        else resolve(connection);
      }
      const position = requests.findIndex(({ cmd }) => cmd === packet.cmd);
      if (position < 0) return;
      returned.add(packet);
      requests.splice(position, 1)[0]?.resolve(packet);
    });
    socket.on('data', (data) => incoming.parse(data as Buffer));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
