import type { Closed, Connect, Connected, Subscribe, Subscribed } from '../history/events.ts';
import { HistoryError } from '../history/history-error.ts';
import { never } from './clients.ts';
import type { Client, Connection, Resumption, Sequence, Session, Subscription } from './clients.ts';
import { rejectedMin } from './messages.ts';

/** The connections, sessions and subscriptions of all clients, as the events of the history change them. */
export class Sessions {
  readonly clients = new Map<string, Client>();
  readonly connections: Connection[] = [];
  readonly sessions: Session[] = [];
  readonly resumptions: Resumption[] = [];
  /** Subscriptions without a SUBACK by connection and filter, in the order of the SUBSCRIBE packets. */
  readonly #unanswered = new Map<string, Subscription[]>();
  /** Positions of the UNSUBSCRIBE packets without an UNSUBACK, by connection and filter. */
  readonly #unsubscribing = new Map<string, Sequence[]>();
  readonly #byId = new Map<number, Connection>();

  /** @throws {HistoryError} when the history contains no CONNECT with this id */
  connection(id: number): Connection {
    const connection = this.#byId.get(id);
    if (!connection) throw new HistoryError(`connection ${id} was never opened`);
    return connection;
  }

  /** @param index position in {@link connections} */
  connectionAt(index: number): Connection {
    return this.connections[index] as Connection;
  }

  connect(event: Connect, sequence: Sequence): Connection {
    if (this.#byId.has(event.connection)) {
      throw new HistoryError(`connection ${event.connection} was already opened`);
    }
    const client = this.#client(event.clientId);
    const connection: Connection = {
      index: this.connections.length,
      client,
      connect: event,
      sequence,
      connectedSequence: never,
      connectedAt: never,
      sessionPresent: false,
      closedSequence: never,
      closedAt: never,
      how: null,
      session: null,
    };
    const former = client.connections.at(-1);
    if (former !== undefined && client.connections.some(({ closedSequence }) => closedSequence === never)) {
      client.contested = true;
    }
    client.connections.push(connection);
    this.connections.push(connection);
    this.#byId.set(event.connection, connection);
    // The server ends the old session when it handles this CONNECT, even if the CONNACK gets lost [MQTT-3.1.2-4].
    if (event.clean && client.session) endPromise(client.session, sequence);
    return connection;
  }

  connected(event: Connected, sequence: Sequence): void {
    const connection = this.connection(event.connection);
    const { client } = connection;
    connection.connectedSequence = sequence;
    connection.connectedAt = event.at;
    connection.sessionPresent = event.sessionPresent;
    const former = client.session;
    this.resumptions.push({ connection, former, formerPromisedUntil: former?.promisedUntil ?? 0 });
    connection.session = this.#sessionOf(connection, former);
    connection.session.connections.push(connection);
    if (isRacedByCleanStart(connection)) endPromise(connection.session, sequence);
    client.session = connection.session;
  }

  closed(event: Closed, sequence: Sequence): void {
    const connection = this.connection(event.connection);
    if (connection.how !== null) return;
    connection.closedSequence = sequence;
    connection.closedAt = event.at;
    connection.how = event.how;
    const { session } = connection;
    // The session ends with its connection, unless another connection has taken it over [MQTT5 3.1.2.11.2].
    if (session && session.connections.at(-1) === connection && connection.connect.expirySeconds === 0) {
      endPromise(session, sequence);
    }
  }

  subscribe(event: Subscribe, sequence: Sequence): void {
    const connection = this.connection(event.connection);
    const session = sessionOf(connection);
    const { filter, qos } = event;
    const activeSubscriptions = this.#activeSubscriptions(session, filter);
    if (event.type === 'unsubscribe') {
      if (activeSubscriptions) activeSubscriptions.endSequence = sequence;
      const key = requestKey(event);
      this.#unsubscribing.set(key, [...(this.#unsubscribing.get(key) ?? []), sequence]);
      return;
    }
    // A repeated SUBSCRIBE changes nothing; its SUBACK may acknowledge the subscription.
    if (activeSubscriptions?.qos === qos) return this.#awaitSuback(connection, activeSubscriptions);
    if (activeSubscriptions) activeSubscriptions.endSequence = sequence;
    const subscription: Subscription = {
      session,
      connection,
      filter,
      qos,
      sequence,
      at: event.at,
      ackedSequence: never,
      ackedAt: never,
      granted: qos,
      endSequence: never,
      unsubackSequence: never,
    };
    session.subscriptions.push(subscription);
    this.#awaitSuback(connection, subscription);
  }

  #awaitSuback({ connect }: Connection, subscription: Subscription): void {
    const key = requestKey({ connection: connect.connection, filter: subscription.filter });
    const waiting = this.#unanswered.get(key);
    if (waiting) waiting.push(subscription);
    else this.#unanswered.set(key, [subscription]);
  }

  subscribed(event: Subscribed, sequence: Sequence): void {
    const session = sessionOf(this.connection(event.connection));
    const { filter, code } = event;
    if (event.type === 'subscribed') {
      const answered = this.#unanswered.get(requestKey(event))?.shift();
      if (answered?.ackedSequence !== never) return;
      answered.ackedSequence = sequence;
      answered.ackedAt = event.at;
      answered.granted = code;
      if (code >= rejectedMin) answered.endSequence = Math.min(answered.endSequence, sequence);
    } else if (code < rejectedMin) {
      // A later subscription to the same filter, which a later UNSUBSCRIBE ended, does not end with this UNSUBACK.
      const unsubscribedAt = this.#unsubscribing.get(requestKey(event))?.shift() ?? 0;
      for (const one of session.subscriptions) {
        if (one.filter === filter && one.endSequence <= unsubscribedAt)
          one.unsubackSequence = Math.min(one.unsubackSequence, sequence);
      }
    }
  }

  #client(id: string): Client {
    const known = this.clients.get(id);
    if (known) return known;
    const client: Client = { id, connections: [], session: null, contested: false };
    this.clients.set(id, client);
    return client;
  }

  #sessionOf(connection: Connection, former: Session | null): Session {
    const { client, sequence, connect, sessionPresent } = connection;
    if (!connect.clean && former) {
      const isSame = sessionPresent && former.promisedUntil === never && !mayBeReplaced(connection, former);
      if (isSame || wasResumedByRival(connection, former)) return former;
    }
    if (former) endPromise(former, sequence);
    const session: Session = {
      index: this.sessions.length,
      client,
      connections: [],
      subscriptions: [],
      promisedUntil: never,
    };
    this.sessions.push(session);
    // The server did not have to keep the session, but it did, so the subscriptions may still cause deliveries.
    if (!connect.clean && sessionPresent && former) inherit(session, former);
    return session;
  }

  #activeSubscriptions(session: Session, filter: string): Subscription | undefined {
    return session.subscriptions.findLast((one) => one.filter === filter && one.endSequence === never);
  }
}

function requestKey({ connection, filter }: Pick<Subscribe, 'connection' | 'filter'>): string {
  return `${connection} ${filter}`;
}

function sessionOf({ session, connect }: Connection): Session {
  if (!session) throw new HistoryError(`connection ${connect.connection} was used before its CONNACK`);
  return session;
}

function endPromise(session: Session, sequence: Sequence): void {
  session.promisedUntil = Math.min(session.promisedUntil, sequence);
}

function inherit(successor: Session, former: Session): void {
  for (const one of former.subscriptions) {
    successor.subscriptions.push({ ...one, session: successor, ackedSequence: never, ackedAt: never });
  }
}

/** @returns the connections of the same client whose CONNECT was in flight at the same time */
function rivals(connection: Connection): Connection[] {
  return connection.client.connections.filter(
    (other) =>
      other !== connection &&
      other.sequence < connection.connectedSequence &&
      (other.connectedSequence === never
        ? other.closedSequence > connection.sequence
        : other.connectedSequence > connection.sequence),
  );
}

/** Whether two CONNECTs raced and the server handled this one first, although it answered the other one first. */
function wasResumedByRival(connection: Connection, former: Session): boolean {
  return (
    former.promisedUntil === never &&
    rivals(connection).some((other) => other.session === former && other.sessionPresent)
  );
}

/** Whether the session may have expired, and a CONNECT without an answer may have created a new session. */
function mayBeReplaced(connection: Connection, former: Session): boolean {
  const last = former.connections.at(-1);
  return (
    last !== undefined &&
    last.connect.expirySeconds !== null &&
    connection.client.connections.some(
      ({ connectedSequence, sequence }) =>
        connectedSequence === never && sequence > last.sequence && sequence < connection.sequence,
    )
  );
}

/**
 * Whether two CONNECTs raced and at least one of them was clean. The clean start may have ended the session
 * of the other connection; the history does not show which CONNECT the server handled first.
 */
function isRacedByCleanStart(connection: Connection): boolean {
  return rivals(connection).some(({ connect }) => connect.clean || connection.connect.clean);
}
