import { compareTexts } from '@mqtt-cluster/contracts';
import type {
  ClientId,
  HomeSessionInfo,
  MemberId,
  RetainedInfo,
  SessionDetail,
  SessionInfo,
  StatePage,
  StateView,
  Subscription,
  SubscriptionCursor,
  SubscriptionInfo,
  SubscriptionScope,
} from '@mqtt-cluster/contracts';
import { isValidTopicName, parseSharedFilter } from '@mqtt-cluster/mqtt-state';
import type { RetainedMessage, SessionView, Subscriber } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Connection } from '../home/connections/connection.ts';
import type { Connections } from '../home/connections/connections.ts';
import type { Router } from '../home/router.ts';
import { remainingExpirySeconds } from '../log/message-expiry.ts';
import { PageCollector, pageOf } from './page.ts';

/** Reads the replicated state and the state of this home together; see {@link StateView}. */
export class MemberStateView implements StateView {
  readonly #context: MemberContext;
  readonly #connections: Connections;
  readonly #router: Router;

  constructor(context: MemberContext, parts: { connections: Connections; router: Router }) {
    this.#context = context;
    this.#connections = parts.connections;
    this.#router = parts.router;
  }

  sessionsAfter(cursor: ClientId | null, limit: number): StatePage<SessionInfo, ClientId> {
    const collector = new PageCollector(byClient, limit);
    const { state } = this.#context;
    let left = limit + 1;
    state.visitSessions(cursor, (session) => {
      collector.add({ client: session.client, session });
      return --left > 0;
    });
    // The cluster has not opened the sessions of these connections yet.
    for (const { client } of this.#connections.withoutEpoch()) {
      if (cursor !== null && client <= cursor) continue;
      if (state.session(client) === undefined) collector.add({ client, session: undefined });
    }
    const { items, next } = collector.page(({ client }) => client);
    return { items: items.map(({ client, session }) => this.#info(client, session)), next };
  }

  session(client: ClientId): SessionDetail | undefined {
    const session = this.#context.state.session(client);
    if (session === undefined && this.#connections.ofClient(client) === undefined) return undefined;
    const subscriptionList = this.#subscriptionsIn('all', session, this.#connectionOf(client, session));
    return { ...this.#info(client, session), subscriptionList };
  }

  subscribersOf(
    topic: string,
    after: SubscriptionCursor | null,
    limit: number,
    scope: SubscriptionScope = 'all',
  ): StatePage<SubscriptionInfo, SubscriptionCursor> {
    const replicated = scope === 'home' ? [] : this.#context.state.subscribers(topic);
    return this.#subscriptionPage(replicated, this.#router.subscribers(topic), after, limit);
  }

  subscriptionsOf(
    filter: string,
    after: SubscriptionCursor | null,
    limit: number,
    scope: SubscriptionScope = 'all',
  ): StatePage<SubscriptionInfo, SubscriptionCursor> {
    const replicated = scope === 'home' ? [] : this.#context.state.subscribersWithFilter(filter);
    return this.#subscriptionPage(replicated, this.#router.subscribersWithFilter(filter), after, limit);
  }

  subscriptionsAfter(
    after: SubscriptionCursor | null,
    limit: number,
    budget: number,
    scope: SubscriptionScope = 'all',
  ): StatePage<SubscriptionInfo, SubscriptionCursor> {
    const found: FoundSubscription[] = [];
    let left = budget;
    let stoppedAt: SubscriptionCursor | null = null;
    this.#visitClients(after?.client ?? null, (client, session) => {
      if (left <= 0) {
        // No filter is empty, so the next page begins with all subscriptions of this client.
        stoppedAt = { client, filter: '' };
        return false;
      }
      const subscriptions = this.#subscriptionsIn(scope, session, this.#connectionOf(client, session));
      left -= 1 + subscriptions.length;
      for (const subscription of subscriptions) {
        const each = { client, session, subscription };
        if (after === null || compareFound(each, after.client, after.filter) > 0) found.push(each);
      }
      return found.length <= limit;
    });
    const { items, next } = pageOf(found, limit, cursorOf);
    return { items: items.map((each) => this.#subscriptionInfo(each)), next: next ?? stoppedAt };
  }

  retainedAfter(
    filter: string,
    cursor: string | null,
    limit: number,
    budget: number,
  ): StatePage<RetainedInfo, string> {
    const { state, clock } = this.#context;
    const nowMs = clock.nowMs;
    const found: RetainedInfo[] = [];
    const visit = (retained: RetainedMessage): boolean => {
      found.push(retainedInfo(retained, nowMs));
      return found.length <= limit;
    };
    const stoppedAt = state.visitRetained(filter, cursor, nowMs, visit, { nodesLeft: budget });
    const { items, next } = pageOf(found, limit, ({ message }) => message.topic);
    return { items, next: next ?? stoppedAt };
  }

  retained(topic: string): RetainedInfo | undefined {
    if (!isValidTopicName(topic)) return undefined;
    return this.retainedAfter(topic, null, 1, 1).items[0];
  }

  #subscriptionPage(
    replicated: Iterable<Subscriber>,
    local: Iterable<{ readonly connection: Connection; readonly subscription: Subscription }>,
    after: SubscriptionCursor | null,
    limit: number,
  ): StatePage<SubscriptionInfo, SubscriptionCursor> {
    const collector = new PageCollector<FoundSubscription>(bySubscription, limit);
    const add = (found: FoundSubscription): void => {
      if (after === null || compareFound(found, after.client, after.filter) > 0) collector.add(found);
    };
    for (const { session, subscription } of replicated)
      add({ client: session.client, session, subscription });
    for (const { connection, subscription } of local) {
      // The replicated state holds the subscriptions of persistent sessions.
      if (connection.clean) add({ client: connection.client, session: undefined, subscription });
    }
    const { items, next } = collector.page(cursorOf);
    return { items: items.map((found) => this.#subscriptionInfo(found)), next };
  }

  /**
   * Visits the clients with a session or a connection in the order of their ids, from `first` on, until `visit` returns
   * false.
   */
  #visitClients(
    first: ClientId | null,
    visit: (client: ClientId, session: SessionView | undefined) => boolean,
  ): void {
    const { state } = this.#context;
    // The cluster has not opened the sessions of these connections yet.
    const unopened = [...this.#connections.withoutEpoch()]
      .map(({ client }) => client)
      .filter((client) => (first === null || client >= first) && state.session(client) === undefined)
      .sort(compareTexts);
    let next = 0;
    let goesOn = true;
    const visitUnopened = (before: ClientId | null): void => {
      while (goesOn && next < unopened.length && (before === null || unopened[next]! < before))
        goesOn = visit(unopened[next++]!, undefined);
    };
    const visitSession = (session: SessionView): boolean => {
      visitUnopened(session.client);
      goesOn &&= visit(session.client, session);
      return goesOn;
    };
    const session = first === null ? undefined : state.session(first);
    if (session !== undefined && !visitSession(session)) return;
    state.visitSessions(first, visitSession);
    visitUnopened(null);
  }

  #subscriptionInfo({ client, subscription }: FoundSubscription): SubscriptionInfo {
    const session = this.#context.state.session(client);
    const { connected, home } = this.#place(session, this.#connectionOf(client, session));
    return { client, subscription, shared: parseSharedFilter(subscription.filter) !== null, connected, home };
  }

  #info(client: ClientId, session: SessionView | undefined): SessionInfo {
    const connection = this.#connectionOf(client, session);
    const request = connection?.request;
    return {
      client,
      epoch: connection?.epoch ?? session?.epoch ?? 0,
      ...this.#place(session, connection),
      clean: connection?.clean ?? session?.clean ?? true,
      expirySeconds: session?.expirySeconds ?? request?.sessionExpirySeconds ?? 0,
      receiveMaximum: connection?.receiveMaximum ?? session?.receiveMaximum ?? 0,
      owner: session?.owner ?? request?.access?.user ?? null,
      access: request?.access ?? session?.access ?? null,
      will: connection?.epoch === 0 ? (request?.will ?? null) : (session?.will ?? null),
      subscriptions: this.#countSubscriptions(session, connection),
      queuedMessages: (session?.queuedMessages ?? 0) + (connection?.local.length ?? 0),
      queuedBytes: (session?.queuedBytes ?? 0) + (connection?.localBytes ?? 0),
      dropped: session?.dropped ?? 0,
      atHome: connection === undefined ? null : homeInfo(connection),
    };
  }

  #place(
    session: SessionView | undefined,
    connection: Connection | undefined,
  ): { connected: boolean; home: MemberId | null } {
    if (connection !== undefined) return { connected: true, home: this.#context.options.id };
    return {
      connected: session?.connected ?? false,
      home: session?.connected === true ? (session.home?.member ?? null) : null,
    };
  }

  /** Returns this home's connection of the client, unless the session has a newer connection elsewhere. */
  #connectionOf(client: ClientId, session: SessionView | undefined): Connection | undefined {
    const connection = this.#connections.ofClient(client);
    if (connection === undefined || session === undefined || connection.epoch === 0) return connection;
    return connection.epoch === session.epoch ? connection : undefined;
  }

  #countSubscriptions(session: SessionView | undefined, connection: Connection | undefined): number {
    const replicated = session?.subscriptions.size ?? 0;
    if (connection?.clean !== true) return replicated;
    let count = replicated;
    for (const filter of connection.subscriptions.keys()) {
      if (session?.subscriptions.has(filter) !== true) count++;
    }
    return count;
  }

  /** Returns the subscriptions of a client in the order of their filters. */
  #subscriptionsIn(
    scope: SubscriptionScope,
    session: SessionView | undefined,
    connection: Connection | undefined,
  ): Subscription[] {
    const subscriptions = scope === 'all' ? this.#subscriptions : this.#localSubscriptions;
    const list = [...subscriptions.call(this, session, connection)];
    return list.length < 2 ? list : list.sort((left, right) => compareTexts(left.filter, right.filter));
  }

  *#subscriptions(
    session: SessionView | undefined,
    connection: Connection | undefined,
  ): Iterable<Subscription> {
    if (session !== undefined) yield* session.subscriptions.values();
    yield* this.#localSubscriptions(session, connection);
  }

  /** The subscriptions that no other member has. */
  *#localSubscriptions(
    session: SessionView | undefined,
    connection: Connection | undefined,
  ): Iterable<Subscription> {
    if (connection?.clean !== true) return;
    for (const [filter, subscription] of connection.subscriptions) {
      if (session?.subscriptions.has(filter) !== true) yield subscription;
    }
  }
}

interface FoundSession {
  readonly client: ClientId;
  readonly session: SessionView | undefined;
}

interface FoundSubscription extends FoundSession {
  readonly subscription: Subscription;
}

function byClient(left: FoundSession, right: FoundSession): number {
  return compareTexts(left.client, right.client);
}

function compareFound(found: FoundSubscription, client: ClientId, filter: string): number {
  return compareTexts(found.client, client) || compareTexts(found.subscription.filter, filter);
}

function bySubscription(left: FoundSubscription, right: FoundSubscription): number {
  return compareFound(left, right.client, right.subscription.filter);
}

function cursorOf({ client, subscription: { filter } }: FoundSubscription): SubscriptionCursor {
  return { client, filter };
}

function homeInfo({ id, connectedAtMs, inFlight, dropped }: Connection): HomeSessionInfo {
  return { connection: id, connectedAtMs, inFlight: inFlight.size, dropped };
}

function retainedInfo({ message, index }: RetainedMessage, nowMs: number): RetainedInfo {
  return { message, index, expiresInSeconds: remainingExpirySeconds(message, nowMs) };
}
