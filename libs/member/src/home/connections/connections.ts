import type { ClientId, ConnectionId, RefusalReason } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';
import type { Connection } from './connection.ts';
import type { LocalQueues } from '../delivery/local-queues.ts';
import type { Router } from '../router.ts';

/** The connections of one member by number and by client id. All connections are added and removed here. */
export class Connections {
  readonly #context: MemberContext;
  readonly #router: Router;
  readonly #queues: LocalQueues;
  readonly #byId = new Map<ConnectionId, Connection>();
  /** By client id: the connection that has received its CONNACK. */
  readonly #byClient = new Map<ClientId, Connection>();

  constructor(context: MemberContext, router: Router, queues: LocalQueues) {
    this.#context = context;
    this.#router = router;
    this.#queues = queues;
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

  /** Counts the publishes, by QoS, that wait until the cluster has opened the session of their connection. */
  deferredPublishes(): [number, number, number] {
    const counts: [number, number, number] = [0, 0, 0];
    for (const { deferred } of this.#byId.values())
      for (const { qos } of deferred) if (qos !== undefined) counts[qos]++;
    return counts;
  }

  /** Returns a copy, because connections may be removed during the iteration. */
  all(): Connection[] {
    return [...this.#byId.values()];
  }

  add(connection: Connection): void {
    this.#byId.set(connection.id, connection);
  }

  get(id: ConnectionId): Connection | undefined {
    return this.#byId.get(id);
  }

  /** Returns the connection if its phase is `open`. */
  open(id: ConnectionId): Connection | undefined {
    const connection = this.#byId.get(id);
    return connection?.phase === 'open' ? connection : undefined;
  }

  /**
   * Returns the connection if it is open and not draining. Packets of a draining connection are ignored,
   * because the client sends them again to its next home.
   */
  staying(id: ConnectionId): Connection | undefined {
    const connection = this.open(id);
    return connection?.drainingSinceMs === null ? connection : undefined;
  }

  ofClient(client: ClientId): Connection | undefined {
    return this.#byClient.get(client);
  }

  /** Yields the connections that the cluster has not opened and that have received their CONNACK. */
  *withoutEpoch(): Iterable<Connection> {
    for (const connection of this.#byClient.values()) if (connection.epoch === 0) yield connection;
  }

  /** Returns whether a connection of the client waits for the answer of the cluster. */
  isOpening(client: ClientId): boolean {
    for (const connection of this.#byId.values())
      if (connection.phase === 'opening' && connection.client === client) return true;
    return false;
  }

  /**
   * Sends CONNACK and closes a former connection of the client [3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-3].
   * @param expirySeconds the granted Session Expiry Interval, if it differs from the requested one
   */
  admit(connection: Connection, sessionPresent: boolean, expirySeconds?: number): void {
    const former = this.#byClient.get(connection.client);
    if (former !== undefined && former !== connection) this.close(former, 'takenOver');
    connection.phase = 'open';
    this.#byClient.set(connection.client, connection);
    const granted = expirySeconds === undefined ? {} : { sessionExpirySeconds: expirySeconds };
    const { id, epoch } = connection;
    this.#context.effects.push({ kind: 'connack', connection: id, epoch, sessionPresent, ...granted });
  }

  /** Rejects CONNECT and discards the packets behind it [3.1.1 MQTT-3.1.4-5] [5.0 MQTT-3.1.4-6]. */
  refuse(connection: Connection, reason: RefusalReason): void {
    this.remove(connection);
    connection.deferred.length = 0;
    this.#context.effects.push({ kind: 'refuse', connection: connection.id, reason });
  }

  close(connection: Connection, reason: RefusalReason): void {
    if (connection.phase === 'gone') return;
    this.remove(connection);
    this.#context.effects.push({ kind: 'close', connection: connection.id, reason });
  }

  remove(connection: Connection): void {
    connection.phase = 'gone';
    this.#router.removeAll(connection);
    this.#queues.remove(connection);
    this.#byId.delete(connection.id);
    if (this.#byClient.get(connection.client) === connection) this.#byClient.delete(connection.client);
  }
}
