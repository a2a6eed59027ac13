import type {
  ClosedEvent,
  ConnectEvent,
  ConnectedEvent,
  SubscribeEvent,
  SubscribedEvent,
} from '../history/events.ts';
import { HistoryError } from '../history/history-error.ts';
import { never } from './clients.ts';
import type {
  RecordedClient,
  RecordedConnection,
  Resumption,
  Sequence,
  RecordedSession,
  RecordedSubscription,
} from './clients.ts';
import { rejectionCodeMin } from './messages.ts';

/** The connections, sessions and subscriptions of all clients, as the events of the history change them. */
export class Sessions {
  readonly clients = new Map<string, RecordedClient>();
  readonly connections: RecordedConnection[] = [];
  readonly sessions: RecordedSession[] = [];
  readonly resumptions: Resumption[] = [];
  /** Subscriptions without a SUBACK by connection and filter, in the order of the SUBSCRIBE packets. */
  readonly #unanswered = new Map<string, RecordedSubscription[]>();
  /** Positions of the UNSUBSCRIBE packets without an UNSUBACK, by connection and filter. */
  readonly #unsubscribing = new Map<string, Sequence[]>();
  readonly #byId = new Map<number, RecordedConnection>();

  /** @throws {HistoryError} when the history contains no CONNECT with this id */
  connection(id: number): RecordedConnection {
    const connection = this.#byId.get(id);
    if (!connection) throw new HistoryError(`connection ${id} was never opened`);
    return connection;
  }

  /** @param index position in {@link connections} */
  connectionAt(index: number): RecordedConnection {
    return this.connections[index] as RecordedConnection;
  }

  connect(event: ConnectEvent, sequence: Sequence): RecordedConnection {
    if (this.#byId.has(event.connection)) {
      throw new HistoryError(`connection ${event.connection} was already opened`);
    }
    const client = this.#client(event.clientId);
    const connection: RecordedConnection = {
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
    // The server ends the old session when it handles this CONNECT, even if the CONNACK gets lost
    // [MQTT-3.1.2-4].
    if (event.clean && client.session) endPromise(client.session, sequence);
    return connection;
  }

  connected(event: ConnectedEvent, sequence: Sequence): void {
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

  closed(event: ClosedEvent, sequence: Sequence): void {
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

  subscribe(event: SubscribeEvent, sequence: Sequence): void {
    const connection = this.connection(event.connection);
    const session = sessionOf(connection);
    const { filter, qos } = event;
    const active = this.#activeSubscription(session, filter);
    if (event.type === 'unsubscribe') {
      if (active) active.endSequence = sequence;
      const key = requestKey(event);
      this.#unsubscribing.set(key, [...(this.#unsubscribing.get(key) ?? []), sequence]);
      return;
    }
    // A SUBSCRIBE with the same filter and QoS changes nothing; its SUBACK may acknowledge the subscription.
    if (active?.qos === qos) return this.#awaitSuback(connection, active);
    if (active) active.endSequence = sequence;
    const subscription: RecordedSubscription = {
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

  #awaitSuback({ connect }: RecordedConnection, subscription: RecordedSubscription): void {
    const key = requestKey({ connection: connect.connection, filter: subscription.filter });
    const waiting = this.#unanswered.get(key);
    if (waiting) waiting.push(subscription);
    else this.#unanswered.set(key, [subscription]);
  }

  subscribed(event: SubscribedEvent, sequence: Sequence): void {
    const session = sessionOf(this.connection(event.connection));
    const { filter, code } = event;
    if (event.type === 'subscribed') {
      const answered = this.#unanswered.get(requestKey(event))?.shift();
      if (answered?.ackedSequence !== never) return;
      answered.ackedSequence = sequence;
      answered.ackedAt = event.at;
      answered.granted = code;
      if (code >= rejectionCodeMin) answered.endSequence = Math.min(answered.endSequence, sequence);
    } else if (code < rejectionCodeMin) {
      // A later subscription to the same filter, which a later UNSUBSCRIBE ended, does not end with this
      // UNSUBACK.
      const unsubscribedAt = this.#unsubscribing.get(requestKey(event))?.shift() ?? 0;
      for (const one of session.subscriptions) {
        if (one.filter === filter && one.endSequence <= unsubscribedAt)
          one.unsubackSequence = Math.min(one.unsubackSequence, sequence);
      }
    }
  }

  #client(id: string): RecordedClient {
    const known = this.clients.get(id);
    if (known) return known;
    const client: RecordedClient = { id, connections: [], session: null, contested: false };
    this.clients.set(id, client);
    return client;
  }

  #sessionOf(connection: RecordedConnection, former: RecordedSession | null): RecordedSession {
    const { client, sequence, connect, sessionPresent } = connection;
    if (!connect.clean && former) {
      const isSame = sessionPresent && former.promisedUntil === never && !mayBeReplaced(connection, former);
      if (isSame || wasResumedByRival(connection, former)) return former;
    }
    if (former) endPromise(former, sequence);
    const session: RecordedSession = {
      index: this.sessions.length,
      client,
      connections: [],
      subscriptions: [],
      promisedUntil: never,
    };
    this.sessions.push(session);
    // The server kept a session that it could have removed, so the session's subscriptions may still cause
    // deliveries.
    if (!connect.clean && sessionPresent && former) inherit(session, former);
    return session;
  }

  #activeSubscription(session: RecordedSession, filter: string): RecordedSubscription | undefined {
    return session.subscriptions.findLast((one) => one.filter === filter && one.endSequence === never);
  }
}

function requestKey({ connection, filter }: Pick<SubscribeEvent, 'connection' | 'filter'>): string {
  return `${connection} ${filter}`;
}

function sessionOf({ session, connect }: RecordedConnection): RecordedSession {
  if (!session) throw new HistoryError(`connection ${connect.connection} was used before its CONNACK`);
  return session;
}

function endPromise(session: RecordedSession, sequence: Sequence): void {
  session.promisedUntil = Math.min(session.promisedUntil, sequence);
}

function inherit(successor: RecordedSession, former: RecordedSession): void {
  for (const one of former.subscriptions) {
    successor.subscriptions.push({ ...one, session: successor, ackedSequence: never, ackedAt: never });
  }
}

/** @returns the connections of the same client whose CONNECT was in flight at the same time */
function rivals(connection: RecordedConnection): RecordedConnection[] {
  return connection.client.connections.filter(
    (other) =>
      other !== connection &&
      other.sequence < connection.connectedSequence &&
      (other.connectedSequence === never
        ? other.closedSequence > connection.sequence
        : other.connectedSequence > connection.sequence),
  );
}

/**
 * Whether two CONNECTs were sent at the same time, and the server handled the CONNECT of this connection
 * first, although it answered the other CONNECT first.
 */
function wasResumedByRival(connection: RecordedConnection, former: RecordedSession): boolean {
  return (
    former.promisedUntil === never &&
    rivals(connection).some((other) => other.session === former && other.sessionPresent)
  );
}

/** Whether the session may have expired, and a CONNECT without an answer may have created a new session. */
function mayBeReplaced(connection: RecordedConnection, former: RecordedSession): boolean {
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
 * Whether two CONNECTs were sent at the same time and at least one of them had a clean start. The clean start
 * may have ended the session of the other connection; the history does not show which CONNECT the server
 * handled first.
 */
function isRacedByCleanStart(connection: RecordedConnection): boolean {
  return rivals(connection).some(({ connect }) => connect.clean || connection.connect.clean);
}
