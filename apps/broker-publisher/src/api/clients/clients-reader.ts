import type { ClientDetails, ClientSummary, Page } from '@mqtt-cluster/api';
import type { ClientId, MemberId, SessionDetail, SessionInfo, StateView } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import type { Answers, ClusterQueries, ConnectionDetails, MissingMembers } from '../../queries/index.ts';
import { ApiProblem } from '../http/api-problem.ts';
import { decodeCursor, encodeCursor } from '../http/cursor.ts';
import { Scan } from '../http/scan.ts';
import { union } from '../http/gaps.ts';
import { clientSummary } from './client-summary.ts';
import { sessionsQuestion } from './home-sessions.ts';
import type { HomeSession } from './home-sessions.ts';

/** Sessions that one step of a scan reads. */
const stepSessions = 200;
/** Time of a scan. A page whose filter matches few clients may be short, and its cursor continues the scan. */
const scanMsMax = 400;
/** Events that the page of a client shows. */
const eventsMax = 100;

export interface ClientFilter {
  readonly id?: string | undefined;
  readonly user?: string | undefined;
  readonly address?: string | undefined;
  readonly member?: string | undefined;
  readonly connected?: boolean | undefined;
}

export interface ClientsReaderOptions {
  readonly view: () => StateView;
  readonly queries: Pick<ClusterQueries, 'connectionDetails' | 'events'>;
  readonly askEach: (bodies: ReadonlyMap<MemberId, unknown>, kind: string) => Promise<Answers>;
}

/** Reads clients: the replicated sessions of this member, completed by the members that the clients are connected to. */
export class ClientsReader {
  readonly #options: ClientsReaderOptions;

  constructor(options: ClientsReaderOptions) {
    this.#options = options;
  }

  async list(filter: ClientFilter, limit: number, after: string | undefined): Promise<Page<ClientSummary>> {
    const view = this.#options.view();
    const scan = new Scan(scanMsMax);
    let cursor: ClientId | null = decodeCursor(z.string(), after);
    const sessions: SessionInfo[] = [];
    let isComplete = false;
    while (sessions.length < limit && !isComplete) {
      const page = view.sessionsAfter(cursor, stepSessions);
      for (const session of page.items) {
        if (sessions.length === limit) break;
        cursor = session.client;
        if (matches(session, filter)) sessions.push(session);
      }
      isComplete = page.next === null && cursor === (page.items.at(-1)?.client ?? cursor);
      if (scan.isOver) break;
      await scan.yield();
    }
    const { items, ...gaps } = await this.#complete(sessions);
    return { items, next: isComplete ? null : encodeCursor(cursor), ...gaps };
  }

  /** @throws ApiProblem 404 */
  async read(id: ClientId): Promise<ClientDetails> {
    const session = this.#options.view().session(id);
    if (session === undefined) throw unknownClient(id);
    const [{ details, homes, ...gaps }, recorded] = await Promise.all([
      this.#ask([session], true),
      this.#options.queries.events({ client: id, limit: eventsMax }),
    ]);
    const connection = details.get(id);
    const home = homes.get(id);
    const list = home?.subscriptionList ?? session.subscriptionList;
    const last = recorded.events.find(({ kind }) => kind === 'disconnected' || kind === 'takenOver');
    return {
      ...clientSummary(session, connection, home),
      keepAliveSeconds: connection?.keepAliveSeconds ?? null,
      receiveMaximum: connection?.receiveMaximum ?? session.receiveMaximum,
      owner: session.owner,
      will: willOf(session, connection),
      subscriptionList: list.map(
        ({ filter, qos, noLocal = false, retainAsPublished = false, subscriptionIdentifier }) => ({
          filter,
          qos,
          noLocal,
          retainAsPublished,
          ...(subscriptionIdentifier !== undefined && { identifier: subscriptionIdentifier }),
        }),
      ),
      lastDisconnect:
        last === undefined
          ? null
          : { atMs: last.atMs, reason: last.reason ?? last.text, member: last.member },
      events: [...recorded.events],
      ...union(gaps, recorded),
    };
  }

  async #complete(sessions: readonly SessionInfo[]) {
    const { details, homes, ...gaps } = await this.#ask(sessions, false);
    const items = sessions.map((session) =>
      clientSummary(session, details.get(session.client), homes.get(session.client)),
    );
    return { items, ...gaps };
  }

  /** Asks the home of each connected client. */
  async #ask(
    sessions: readonly SessionInfo[],
    withList: boolean,
  ): Promise<{
    details: ReadonlyMap<ClientId, ConnectionDetails>;
    homes: ReadonlyMap<ClientId, HomeSession>;
    unreachable: string[];
    tooOld: string[];
  }> {
    const { queries, askEach } = this.#options;
    const byHome = new Map<MemberId, ClientId[]>();
    for (const { client, connected, home } of sessions) {
      if (!connected || home === null) continue;
      const ids = byHome.get(home);
      if (ids === undefined) byHome.set(home, [client]);
      else ids.push(client);
    }
    const clients = [...byHome].flatMap(([member, ids]) => ids.map((id) => ({ id, member })));
    const bodies = new Map([...byHome].map(([member, ids]) => [member, { ids, list: withList }]));
    const none: MissingMembers = { unreachable: [], tooOld: [] };
    if (clients.length === 0) return { details: new Map(), homes: new Map(), ...union(none, none) };
    const [connections, answered] = await Promise.all([
      queries.connectionDetails(clients),
      askEach(bodies, sessionsQuestion),
    ]);
    const found = [...answered.answers.values()].flatMap((answer) => answer as HomeSession[]);
    const homes = new Map(found.map((session) => [session.client, session]));
    return { details: connections.details, homes, ...union(connections, answered) };
  }
}

/** Returns the problem of a client without a session. */
export function unknownClient(id: ClientId): ApiProblem {
  return new ApiProblem(
    404,
    `there is no client ${JSON.stringify(id.slice(0, 200))}: GET /clients lists the clients`,
  );
}

function matches(session: SessionInfo, { id, user, address, member, connected }: ClientFilter): boolean {
  if (id !== undefined && !session.client.includes(id)) return false;
  if (connected !== undefined && session.connected !== connected) return false;
  if (member !== undefined && !(session.connected && session.home === member)) return false;
  if (user !== undefined && (session.access?.user ?? session.owner) !== user) return false;
  return address === undefined || session.access?.address === address;
}

function willOf(session: SessionDetail, connection: ConnectionDetails | undefined): ClientDetails['will'] {
  if (connection !== undefined) return connection.will;
  const { will } = session;
  if (will === null) return null;
  const { topic, qos, retain, delaySeconds, payload } = will;
  return { topic, qos, retain, delaySeconds, payloadBytes: payload.length };
}
