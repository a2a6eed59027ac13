import type { ConnectionInfo, TracedPacket } from '@mqtt-cluster/broker';
import type { ClientId, EventKind, MemberId } from '@mqtt-cluster/contracts';
import type { MissingMembers } from './peer-queries.ts';

/** A connection with the member that serves it. Times are Unix ms of the clock of that member. */
export interface ConnectionDetails extends ConnectionInfo {
  readonly member: MemberId;
}

/** An event of the last hour. Times are Unix ms of the member's clock. */
export interface RecordedEvent {
  readonly atMs: number;
  readonly member: MemberId;
  readonly kind: EventKind;
  readonly client?: ClientId;
  readonly user?: string;
  readonly address?: string;
  /** A short name of the reason, for programs. */
  readonly reason?: string;
  /** One sentence for people. */
  readonly text: string;
}

export interface EventFilter {
  /** Events of this client only. Without it, events of all clients and of the cluster. */
  readonly client?: ClientId;
  /** Only events before this time, Unix ms. */
  readonly beforeMs?: number;
  /** Number of events, 1 to 1,000. */
  readonly limit: number;
}

/** What a trace shows. Exactly one of `client`, `address` and `topic` is set. */
export interface TraceFilter {
  readonly client?: ClientId;
  readonly address?: string;
  /** Topic filter: the trace shows the PUBLISH packets of all clients with a matching topic. */
  readonly topic?: string;
  /** Duration, 1 to 600 seconds. */
  readonly seconds: number;
  /** Shows the first 4,096 bytes of each payload. */
  readonly payload: boolean;
}

/** One packet, with the member that handled it. Contains no password. */
export interface TraceLine extends Readonly<TracedPacket> {
  readonly member: MemberId;
}

export type TraceItem =
  | { readonly kind: 'line'; readonly line: TraceLine }
  /** The trace of this member lost lines, because they were read too slowly. */
  | { readonly kind: 'lost'; readonly member: MemberId; readonly lines: number }
  /** The members whose packets the trace lacks now. Emitted at the start and after each change. */
  | ({ readonly kind: 'missing' } & MissingMembers);

/** A trace that could not start, for example because too many run. `code` is as in HTTP. */
export interface TraceRefusal {
  readonly code: number;
  readonly reason: string;
}

/** Questions of the HTTP API. Each waits at most two seconds for a member, except a trace, and never rejects. */
export interface ClusterQueries {
  /**
   * Returns the details of these connections. `member` is the home of the client; null asks all members. A client
   * that is not connected is absent.
   */
  connectionDetails(
    clients: Iterable<{ readonly id: ClientId; readonly member: MemberId | null }>,
  ): Promise<{ readonly details: ReadonlyMap<ClientId, ConnectionDetails> } & MissingMembers>;

  /**
   * Ends the connections of these clients, at most 1,000, on all members. MQTT 5 clients receive the reason code 0x98.
   * The members publish their wills. Returns the clients whose connection was ended.
   */
  disconnectClients(
    ids: readonly ClientId[],
  ): Promise<{ readonly ended: ReadonlySet<ClientId> } & MissingMembers>;

  /** Returns the newest events of all members, newest first. */
  events(filter: EventFilter): Promise<{ readonly events: readonly RecordedEvent[] } & MissingMembers>;

  /**
   * Traces packets on all members until the time is over or `signal` aborts. Resolves when all reachable members have
   * started. A reader that is too slow loses lines.
   */
  trace(filter: TraceFilter, signal: AbortSignal): Promise<AsyncIterable<TraceItem> | TraceRefusal>;
}
