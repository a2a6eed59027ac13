import type { ClosedEvent, ConnectEvent, QoS } from '../history/events.ts';

/** Position of an event in the history; 1 is the first event. */
export type Sequence = number;
/** Position and time of an event that did not happen. */
export const never = Infinity;

/** One connection attempt and its outcome. */
export interface RecordedConnection {
  readonly index: number;
  readonly client: RecordedClient;
  readonly connect: ConnectEvent;
  readonly sequence: Sequence;
  connectedSequence: Sequence;
  connectedAt: number;
  sessionPresent: boolean;
  closedSequence: Sequence;
  closedAt: number;
  /** The way in which the connection ended; null while the connection is open. */
  how: ClosedEvent['how'] | null;
  /** Session of the connection; null before CONNACK. */
  session: RecordedSession | null;
}

/**
 * One subscription to one filter, until it is unsubscribed or replaced by a subscription with another QoS.
 */
export interface RecordedSubscription {
  readonly session: RecordedSession;
  readonly connection: RecordedConnection;
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

/**
 * The session that consecutive connections of a client share. A CONNACK without session present begins a new
 * session.
 */
export interface RecordedSession {
  readonly index: number;
  readonly client: RecordedClient;
  readonly connections: RecordedConnection[];
  readonly subscriptions: RecordedSubscription[];
  /**
   * Position from which the server need not keep the session, because the client sent a clean start, the
   * session was lost, or a session without an expiry ended with its connection.
   */
  promisedUntil: Sequence;
}

/** All connections with one client id. */
export interface RecordedClient {
  readonly id: string;
  readonly connections: RecordedConnection[];
  session: RecordedSession | null;
  /**
   * Whether the client id had two connections at the same time. The two clients don't share their QoS 2
   * state, so QoS 2 messages may be delivered twice.
   */
  contested: boolean;
}

/** A CONNACK, the session that the client had before, and the server's answer. */
export interface Resumption {
  readonly connection: RecordedConnection;
  /** The client's session before this connection, if any. */
  readonly former: RecordedSession | null;
  /**
   * Value of `promisedUntil` of the former session at this CONNACK; `never` if the server had to keep the
   * session.
   */
  readonly formerPromisedUntil: Sequence;
}
