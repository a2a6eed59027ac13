import type { ClientId } from '@mqtt-cluster/contracts';
import type { Connection } from './connection.ts';
import type { ConnectionInfo } from './connection-info.ts';

/**
 * The connected clients of this member, sorted by client identifier (by UTF-16 code units). A packet costs nothing here;
 * a connect or an end costs one binary search and one move of the identifiers behind it.
 */
export interface ConnectionDirectory {
  readonly size: number;
  /** Returns the connection of this client, or null if it is not connected to this member. */
  get(id: ClientId): ConnectionInfo | null;
  /** Returns the next connections after this client identifier, at most `limit`; null starts at the first one. */
  after(id: ClientId | null, limit: number): readonly ConnectionInfo[];
}

export class Connections implements ConnectionDirectory {
  readonly #connections = new Map<ClientId, Connection>();
  readonly #sorted: ClientId[] = [];

  get size(): number {
    return this.#sorted.length;
  }

  get(id: ClientId): ConnectionInfo | null {
    return this.#connections.get(id)?.describe() ?? null;
  }

  after(id: ClientId | null, limit: number): readonly ConnectionInfo[] {
    const from = id === null ? 0 : this.#positionAfter(id);
    return this.#sorted.slice(from, from + limit).flatMap((each) => this.get(each) ?? []);
  }

  find(id: ClientId): Connection | undefined {
    return this.#connections.get(id);
  }

  add(connection: Connection): void {
    const { client } = connection;
    if (!this.#connections.has(client)) this.#sorted.splice(this.#positionAfter(client), 0, client);
    this.#connections.set(client, connection);
  }

  remove(connection: Connection): void {
    const { client } = connection;
    // A new connection of the client may have replaced this one.
    if (this.#connections.get(client) !== connection) return;
    this.#connections.delete(client);
    this.#sorted.splice(this.#positionAfter(client) - 1, 1);
  }

  /** Returns the position of the first identifier that is greater than `id`. */
  #positionAfter(id: ClientId): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle]! <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
