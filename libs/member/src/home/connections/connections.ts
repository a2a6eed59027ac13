import type { ClientId, ConnectionId, RefusalReason } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';
import type { Connection } from './connection.ts';
import type { Router } from '../router.ts';

/** The connections of one member, by number and by client id; the only place where one comes or goes. */
export class Connections {
  readonly #context: MemberContext;
  readonly #router: Router;
  readonly #byId = new Map<ConnectionId, Connection>();
  /** The one connection of each client id here that has its CONNACK. */
  readonly #byClient = new Map<ClientId, Connection>();

  constructor(context: MemberContext, router: Router) {
    this.#context = context;
    this.#router = router;
  }

  get size(): number {
    return this.#byId.size;
  }

  sums(): { inFlight: number; subscriptions: number; queued: number } {
    let inFlight = 0;
    let subscriptions = 0;
    let queued = 0;
    for (const connection of this.#byId.values()) {
      inFlight += connection.inFlight.size;
      subscriptions += connection.subscriptions.size;
      queued += connection.local.length;
    }
    return { inFlight, subscriptions, queued };
  }

  /** A copy: connections may go while it is walked. */
  all(): Connection[] {
    return [...this.#byId.values()];
  }

  add(connection: Connection): void {
    this.#byId.set(connection.id, connection);
  }

  get(id: ConnectionId): Connection | undefined {
    return this.#byId.get(id);
  }

  /** Only one that has its CONNACK and has not left. */
  open(id: ConnectionId): Connection | undefined {
    const connection = this.#byId.get(id);
    return connection?.phase === 'open' ? connection : undefined;
  }

  /** One of these that was not asked to leave: what it sends now it will have to send again elsewhere. */
  staying(id: ConnectionId): Connection | undefined {
    const connection = this.open(id);
    return connection?.drainingSinceMs === null ? connection : undefined;
  }

  ofClient(client: ClientId): Connection | undefined {
    return this.#byClient.get(client);
  }

  /** This connection is now the client's; a former one is closed [MQTT-3.1.4-3]. */
  admit(connection: Connection, sessionPresent: boolean): void {
    const former = this.#byClient.get(connection.client);
    if (former !== undefined && former !== connection) this.close(former, 'takenOver');
    connection.phase = 'open';
    this.#byClient.set(connection.client, connection);
    this.#context.effects.push({ kind: 'connack', connection: connection.id, sessionPresent });
  }

  refuse(connection: Connection, reason: RefusalReason): void {
    this.forget(connection);
    this.#context.effects.push({ kind: 'refuse', connection: connection.id, reason });
  }

  close(connection: Connection, reason: RefusalReason): void {
    if (connection.phase === 'gone') return;
    this.forget(connection);
    this.#context.effects.push({ kind: 'close', connection: connection.id, reason });
  }

  forget(connection: Connection): void {
    connection.phase = 'gone';
    this.#router.removeAll(connection);
    this.#byId.delete(connection.id);
    if (this.#byClient.get(connection.client) === connection) this.#byClient.delete(connection.client);
  }
}
