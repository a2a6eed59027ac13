import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { host } from '@mqtt-cluster/testing';
import { generate, parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';

/** A broker that accepts every connection, and records what arrives. */
export class FakeBroker {
  readonly packets: string[] = [];
  readonly received: Packet[] = [];
  /** Whether it has a session of each client. */
  sessionPresent = false;
  /** Its answer to UNSUBSCRIBE; null: it does not answer. */
  unsubackCode: number | null = 0;
  accepted = 0;
  /** Port of the client that connected first. */
  firstPort: number | undefined;
  /** Called for each CONNECT, before CONNACK. */
  onConnect: () => void = () => undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => {
    this.accepted++;
    this.firstPort ??= socket.remotePort;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
    const packets = parser({ protocolVersion: 5 });
    packets.on('packet', (packet) => {
      this.packets.push(packet.cmd);
      this.received.push(packet);
      const answer = this.#answerTo(packet);
      if (answer !== null) socket.write(generate(answer, { protocolVersion: 5 }));
    });
    socket.on('data', (chunk: Buffer) => packets.parse(chunk));
  });

  #answerTo(packet: Packet): Packet | null {
    const { messageId = 0 } = packet;
    if (packet.cmd === 'connect') {
      this.onConnect();
      return { cmd: 'connack', reasonCode: 0, sessionPresent: this.sessionPresent };
    }
    if (packet.cmd !== 'unsubscribe' || this.unsubackCode === null) return null;
    return { cmd: 'unsuback', messageId, granted: packet.unsubscriptions.map(() => this.unsubackCode!) };
  }

  async start(): Promise<string> {
    this.#server.listen(0, host);
    await once(this.#server, 'listening');
    return `mqtt://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Closes all connections. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): void {
    this.#server.close();
    this.disconnect();
  }
}
