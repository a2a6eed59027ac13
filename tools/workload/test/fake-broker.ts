import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { generate, parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';

/** One connection as the fake broker sees it: what came, and a way to answer. */
export interface Visit {
  readonly version: 4 | 5;
  readonly packets: Packet[];
  /** The other side has closed. */
  readonly ended: boolean;
  send(packet: Packet): void;
  /** Closes with FIN, or with RST. */
  end(reset?: boolean): void;
  /** Resolves with the first packet of this kind that has not been asked for before. */
  next<C extends Packet['cmd']>(cmd: C): Promise<Extract<Packet, { cmd: C }>>;
}

/** Listens, and leaves every answer to the test. */
export class FakeBroker {
  readonly #server: Server;
  readonly #visits: Visit[] = [];
  readonly #waiting: ((visit: Visit) => void)[] = [];
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => this.#visit(socket));
  }

  async open(): Promise<{ id: string; host: string; port: number }> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return { id: 'fake', host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The next connection whose CONNECT has come. */
  visit(): Promise<Visit> {
    const visit = this.#visits.shift();
    return visit === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(visit);
  }

  #visit(socket: Socket): void {
    this.#sockets.add(socket);
    const packets: Packet[] = [];
    const asked: { cmd: string; give: (packet: Packet) => void }[] = [];
    const given = new Set<Packet>();
    const versions = { current: 4 as 4 | 5 };
    const visit: Visit = {
      get version() {
        return versions.current;
      },
      packets,
      get ended() {
        return socket.readableEnded || socket.destroyed;
      },
      send: (packet) => void socket.write(generate(packet, { protocolVersion: versions.current })),
      end: (reset = false) => void (reset ? socket.resetAndDestroy() : socket.end()),
      next: (cmd) => {
        const found = packets.find((packet) => packet.cmd === cmd && !given.has(packet));
        if (found === undefined)
          return new Promise((give) => asked.push({ cmd, give: give as (packet: Packet) => void }));
        given.add(found);
        return Promise.resolve(found as never);
      },
    };
    const incoming = parser();
    incoming.on('packet', (packet) => {
      packets.push(packet);
      if (packet.cmd === 'connect') {
        versions.current = packet.protocolVersion === 5 ? 5 : 4;
        const taker = this.#waiting.shift();
        if (taker === undefined) this.#visits.push(visit);
        else taker(visit);
      }
      const position = asked.findIndex(({ cmd }) => cmd === packet.cmd);
      if (position < 0) return;
      given.add(packet);
      asked.splice(position, 1)[0]?.give(packet);
    });
    socket.on('data', (data) => incoming.parse(data as Buffer));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
