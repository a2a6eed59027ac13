import type { Closed, Connect, Connected, Subscribe, Subscribed } from '../history/events.ts';
import { HistoryError } from '../history/history-error.ts';
import { never } from './clients.ts';
import type { Client, Connection, Resumption, Sequence, Session, Subscription } from './clients.ts';
import { refusedMin } from './messages.ts';

/** Follows connections, sessions and subscriptions through the history. */
export class Sessions {
  readonly clients = new Map<string, Client>();
  readonly connections: Connection[] = [];
  readonly sessions: Session[] = [];
  readonly resumptions: Resumption[] = [];
  /** By connection and filter: what its SUBACKs answer, in the order in which it was asked. */
  readonly #unanswered = new Map<string, Subscription[]>();
  /** Likewise when it was asked to end, for its UNSUBACKs. */
  readonly #takenBack = new Map<string, Sequence[]>();
  readonly #byId = new Map<number, Connection>();

  /** @throws {HistoryError} if the id was never seen. */
  connection(id: number): Connection {
    const connection = this.#byId.get(id);
    if (!connection) throw new HistoryError(`connection ${id} was never opened`);
    return connection;
  }

  connect(event: Connect, sequence: Sequence): Connection {
    if (this.#byId.has(event.connection)) {
      throw new HistoryError(`connection ${event.connection} was opened before`);
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
    // [MQTT-3.1.2-4] ends it when it is handled, which may be without an answer that arrives.
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
    // [MQTT5 3.1.2.11.2] ends with its connection, unless another has taken it over.
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
      const key = askedKey(event);
      this.#takenBack.set(key, [...(this.#takenBack.get(key) ?? []), sequence]);
      return;
    }
    // The same again changes nothing, and its SUBACK acks what is not acked yet.
    if (activeSubscriptions?.qos === qos) return this.#asks(connection, activeSubscriptions);
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
      goneSequence: never,
    };
    session.subscriptions.push(subscription);
    this.#asks(connection, subscription);
  }

  #asks({ connect }: Connection, subscription: Subscription): void {
    const key = askedKey({ connection: connect.connection, filter: subscription.filter });
    const waiting = this.#unanswered.get(key);
    if (waiting) waiting.push(subscription);
    else this.#unanswered.set(key, [subscription]);
  }

  subscribed(event: Subscribed, sequence: Sequence): void {
    const session = sessionOf(this.connection(event.connection));
    const { filter, code } = event;
    if (event.type === 'subscribed') {
      const answered = this.#unanswered.get(askedKey(event))?.shift();
      if (answered?.ackedSequence !== never) return;
      answered.ackedSequence = sequence;
      answered.ackedAt = event.at;
      answered.granted = code;
      if (code >= refusedMin) answered.endSequence = Math.min(answered.endSequence, sequence);
    } else if (code < refusedMin) {
      // What was subscribed to again after this request, and taken back again, is not gone yet.
      const askedAt = this.#takenBack.get(askedKey(event))?.shift() ?? 0;
      for (const one of session.subscriptions) {
        if (one.filter === filter && one.endSequence <= askedAt)
          one.goneSequence = Math.min(one.goneSequence, sequence);
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
      const isSame = sessionPresent && former.promisedUntil === never && !mayBeAnother(connection, former);
      if (isSame || isOpenedByTheOther(connection, former)) return former;
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
    // Nobody promised that it would still be there, but it is: what it subscribed to may come.
    if (!connect.clean && sessionPresent && former) inherit(session, former);
    return session;
  }

  #activeSubscriptions(session: Session, filter: string): Subscription | undefined {
    return session.subscriptions.findLast((one) => one.filter === filter && one.endSequence === never);
  }
}

function askedKey({ connection, filter }: Pick<Subscribe, 'connection' | 'filter'>): string {
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

/** Connections whose CONNECTs were under way at the same time as this one's. */
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

/** Of two that raced, the server took this one first, though the other was answered first. */
function isOpenedByTheOther(connection: Connection, former: Session): boolean {
  return (
    former.promisedUntil === never &&
    rivals(connection).some((other) => other.session === former && other.sessionPresent)
  );
}

/** A session that expires may have been followed by another, which a CONNECT without an answer began. */
function mayBeAnother(connection: Connection, former: Session): boolean {
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

/** Nobody can tell which of two was first, and one of them ended the other's session. */
function isRacedByCleanStart(connection: Connection): boolean {
  return rivals(connection).some(({ connect }) => connect.clean || connection.connect.clean);
}
