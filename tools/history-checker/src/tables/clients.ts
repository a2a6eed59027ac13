import type { Closed, Connect, QoS } from '../history/events.ts';

/** Position of an event in the history; 1 is the first event. */
export type Sequence = number;
/** Position of an event that did not happen, and time of such an event. */
export const never = Infinity;

/** One connection attempt and its outcome. */
export interface Connection {
  readonly index: number;
  readonly client: Client;
  readonly connect: Connect;
  readonly sequence: Sequence;
  connectedSequence: Sequence;
  connectedAt: number;
  sessionPresent: boolean;
  closedSequence: Sequence;
  closedAt: number;
  /** Kind of the connection's end; null while the connection is open. */
  how: Closed['how'] | null;
  /** Session of the connection; null before CONNACK. */
  session: Session | null;
}

/** One subscription to one filter, until it is unsubscribed or replaced by a subscription with another QoS. */
export interface Subscription {
  readonly session: Session;
  readonly connection: Connection;
  readonly filter: string;
  readonly qos: QoS;
  readonly sequence: Sequence;
  readonly at: number;
  ackedSequence: Sequence;
  ackedAt: number;
  /** The QoS or error code of SUBACK; `qos` before SUBACK. */
  granted: number;
  /**
   * Position of the UNSUBSCRIBE, or of the SUBSCRIBE that replaces this subscription. Later messages need not
   * be delivered.
   */
  endSequence: Sequence;
  /** Position of the UNSUBACK. */
  unsubackSequence: Sequence;
}

/** The session that consecutive connections of a client share. A CONNACK without session present begins a new one. */
export interface Session {
  readonly index: number;
  readonly client: Client;
  readonly connections: Connection[];
  readonly subscriptions: Subscription[];
  /**
   * Position from which the server need not keep the session, because the client sent a clean start, the session was
   * lost, or a session without an expiry ended with its connection.
   */
  promisedUntil: Sequence;
}

/** All connections with one client id. */
export interface Client {
  readonly id: string;
  readonly connections: Connection[];
  session: Session | null;
  /**
   * Whether the client id had two connections at the same time. The two clients don't share their QoS 2
   * state, so QoS 2 messages may be delivered twice.
   */
  contested: boolean;
}

/** A CONNACK, the session that the client had before, and the server's answer. */
export interface Resumption {
  readonly connection: Connection;
  /** The client's session before this connection, if any. */
  readonly former: Session | null;
  /**
   * Value of `promisedUntil` of the former session at this CONNACK; `never` if the server had to keep the
   * session.
   */
  readonly formerPromisedUntil: Sequence;
}
