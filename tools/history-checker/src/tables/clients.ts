import type { Closed, Connect, QoS } from '../history/events.ts';

/** A place in the history, 1 for the first event; `never` for what did not happen. */
export type Sequence = number;
export const never = Infinity;

/** One CONNECT and what came of it. */
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
  how: Closed['how'] | null;
  /** Null until CONNACK. */
  session: Session | null;
}

/** One asking for one filter, until it is taken back or asked for with another QoS. */
export interface Subscription {
  readonly session: Session;
  readonly connection: Connection;
  readonly filter: string;
  readonly qos: QoS;
  readonly sequence: Sequence;
  readonly at: number;
  ackedSequence: Sequence;
  ackedAt: number;
  /** As SUBACK says; `qos` until then. */
  granted: number;
  /** From here on nothing new is promised: UNSUBSCRIBE or another SUBSCRIBE was sent. */
  endSequence: Sequence;
  /** UNSUBACK. */
  goneSequence: Sequence;
}

/** What a client's connections share, from one CONNACK without session present to the next. */
export interface Session {
  readonly index: number;
  readonly client: Client;
  readonly connections: Connection[];
  readonly subscriptions: Subscription[];
  /** From here on the server need not have it: a clean start was sent, it was lost, its only connection ended. */
  promisedUntil: Sequence;
}

export interface Client {
  readonly id: string;
  readonly connections: Connection[];
  session: Session | null;
  /** Two connections at once: what one has received the other does not know of, so QoS 2 may come twice. */
  contested: boolean;
}

/** A resumption that was asked for: what stood before and what the server said. */
export interface Resumption {
  readonly connection: Connection;
  /** The session that its client had before, if any. */
  readonly former: Session | null;
  /** Where the former's promise ended when CONNECT was sent; `never` if it stood. */
  readonly formerPromisedUntil: Sequence;
}
