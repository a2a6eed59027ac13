import type { Socket } from 'node:net';
import { isLoopback, networkOf, plainAddress } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';

/** Open connections from other hosts. Scrapers and probes need only a few. */
export const remoteConnectionsMax = 64;
/** Open connections from loopback addresses, in addition to those from other hosts. */
const localConnectionsMax = 32;
const logIntervalMs = 60_000;

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  readonly network: string;
  /** Number of complete requests that the program is answering. */
  answering: number;
}

/**
 * The open connections of an HTTP server. When all places are taken, a new connection gets the place of the network
 * that holds most: of the oldest connection there without a complete request, which is idle, sends slowly or does not
 * read its answer. So a client with many connections takes no place from a probe or a scraper.
 */
export class HttpConnections {
  readonly #logger: Logger;
  /** All connections by remote address and port, the oldest first. */
  readonly #connections = new Map<string, Connection>();
  #closed = 0;
  #loggedAtMs = -Infinity;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Adds a connection. Closes another one, or this one, if there is no place. */
  add(socket: Socket): void {
    const key = keyOf(socket);
    const address = plainAddress(socket.remoteAddress ?? '');
    if (key === null) {
      socket.destroy();
      return;
    }
    const network = isLoopback(address) ? address : networkOf(address);
    if (!this.#makeRoom(address, network)) return this.#close(socket, address);
    const connection: Connection = { socket, address, network, answering: 0 };
    this.#connections.set(key, connection);
    socket.once('close', () => {
      if (this.#connections.get(key) === connection) this.#connections.delete(key);
    });
  }

  /** Records the begin of an answer to a complete request. The returned function records the end. */
  answer(socket: Socket): () => void {
    const key = keyOf(socket);
    const connection = key === null ? undefined : this.#connections.get(key);
    if (connection === undefined) return () => undefined;
    connection.answering += 1;
    return () => {
      connection.answering -= 1;
    };
  }

  /** Gives up the place of a connection that another component bounds from now on. */
  release(socket: Socket): void {
    const key = keyOf(socket);
    if (key !== null) this.#connections.delete(key);
  }

  /** Closes all connections, those before their first byte included. */
  closeAll(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  #makeRoom(address: string, network: string): boolean {
    const isLocal = isLoopback(address);
    const rivals = [...this.#connections.entries()].filter(
      ([, each]) => isLoopback(each.address) === isLocal,
    );
    if (rivals.length < (isLocal ? localConnectionsMax : remoteConnectionsMax)) return true;
    const counts = new Map<string, number>();
    for (const [, each] of rivals) counts.set(each.network, (counts.get(each.network) ?? 0) + 1);
    const sizeOf = (each: Connection): number => counts.get(each.network)!;
    const idle = rivals.filter(([, { answering }]) => answering === 0);
    // Without an idle connection, a network with more connections than the newcomer's gives up a busy one.
    const own = counts.get(network) ?? 0;
    const candidates = idle.length > 0 ? idle : rivals.filter(([, each]) => sizeOf(each) > own + 1);
    const [first] = candidates;
    if (first === undefined) return false;
    const [key, victim] = candidates.reduce(
      (most, each) => (sizeOf(each[1]) > sizeOf(most[1]) ? each : most),
      first,
    );
    this.#connections.delete(key);
    this.#close(victim.socket, victim.address);
    return true;
  }

  #close(socket: Socket, address: string): void {
    socket.destroy();
    this.#closed += 1;
    const nowMs = performance.now();
    if (nowMs - this.#loggedAtMs < logIntervalMs) return;
    this.#loggedAtMs = nowMs;
    this.#logger.warn(
      { address, closed: this.#closed },
      'too many HTTP connections: the idle ones are closed',
    );
    this.#closed = 0;
  }
}

/** Returns null for a connection that has ended. */
function keyOf({ remoteAddress, remotePort }: Socket): string | null {
  return remoteAddress === undefined ? null : `${remoteAddress} ${remotePort}`;
}
