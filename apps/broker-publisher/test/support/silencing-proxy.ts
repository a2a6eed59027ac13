import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { freePorts, host } from '@mqtt-cluster/testing';

/** A proxy of a server that can keep the answers of the server back, and cut its clients off. */
export class SilencingProxy {
  readonly address: string;
  /** `silent`: the server receives everything, and its answers are dropped. `cut`: no client has a connection. */
  #state: 'open' | 'silent' | 'cut' = 'open';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, targetPort: number) {
    this.address = `${host}:${port}`;
    this.#server = createServer((client) => this.#join(client, targetPort)).listen(port, host);
  }

  static async start(targetPort: number): Promise<SilencingProxy> {
    const [port = 0] = await freePorts(1);
    const proxy = new SilencingProxy(port, targetPort);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  set(state: 'open' | 'silent' | 'cut'): void {
    this.#state = state;
    if (state === 'cut') for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.set('cut');
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, targetPort: number): void {
    if (this.#state === 'cut') return void client.destroy();
    const target = connect({ host, port: targetPort });
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (bytes) => target.write(bytes));
    target.on('data', (bytes) => {
      if (this.#state === 'open') client.write(bytes);
    });
  }
}
