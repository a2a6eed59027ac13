import type { HistoryTables } from '../tables/history-tables.ts';
import { never } from '../tables/clients.ts';
import type { Connection, Session, Subscription } from '../tables/clients.ts';
import { Grouping } from '../tables/column.ts';
import { FilterTrie } from '../tables/filters.ts';
import { refusedMin } from '../tables/messages.ts';
import { HostLoad } from './host-load.ts';
import { ObservedLag } from './observed-lag.ts';
import type { Report } from '../report.ts';

const msPerSecond = 1_000;

/** What several rules ask of a whole tables, each worked out once. */
export class Analysis {
  readonly tables: HistoryTables;
  readonly #matchers = new Map<Session, (topic: number) => readonly Subscription[]>();
  /** Rows of deliveries by session, in order. */
  readonly deliveriesBySession: Grouping;
  /** Rows of messages by topic, in the order of their first sending. */
  readonly messagesByTopic: Grouping;
  #hostLoad: HostLoad | null = null;
  #lag: ObservedLag | null = null;
  #spread: Uint8Array | null = null;
  /** Of the topics that messages were sent to. */
  readonly topicCount: number;
  /** Acknowledged and never taken back, of sessions that were connected when the run had settled. */
  readonly activeSubscriptions: readonly Subscription[];

  constructor(tables: HistoryTables) {
    const { deliveries, messages, sessions, topics } = tables;
    this.tables = tables;
    this.topicCount = topics.count;
    this.deliveriesBySession = new Grouping(
      deliveries.count,
      sessions.sessions.length,
      (row) => sessions.connections[deliveries.connection(row)]?.session?.index ?? -1,
    );
    this.messagesByTopic = new Grouping(messages.count, topics.count, (row) => messages.topic(row));
    this.activeSubscriptions = sessions.sessions
      .filter((session) => this.#stands(session))
      .flatMap(({ subscriptions }) => subscriptions.filter(isGranted));
  }

  /** Its client was connected when nothing came any more, so it has what it will ever get. */
  #stands({ promisedUntil, connections }: Session): boolean {
    const settled = this.tables.settledSequence;
    if (settled === null || promisedUntil !== never) return false;
    return connections.some((one) => one.connectedSequence < settled && one.closedSequence > settled);
  }

  get hostLoad(): HostLoad {
    return (this.#hostLoad ??= new HostLoad(this.tables.probes));
  }

  get lag(): ObservedLag {
    return (this.#lag ??= new ObservedLag(this));
  }

  connection(index: number): Connection {
    return this.tables.sessions.connections[index] as Connection;
  }

  /** For each topic that was used: those of the given subscriptions that match it. */
  matches(subscriptions: readonly Subscription[]): readonly (readonly Subscription[])[] {
    const trie = new FilterTrie<Subscription>();
    for (const subscription of subscriptions) trie.add(subscription.filter, subscription);
    const { topics } = this.tables;
    return Array.from({ length: topics.count }, (_, topic) => trie.match(topics.name(topic)));
  }

  /** A session's subscriptions by topic, looked up once each. */
  matcher(session: Session): (topic: number) => readonly Subscription[] {
    let matcher = this.#matchers.get(session);
    if (!matcher) {
      matcher = this.#matcherOf(session);
      this.#matchers.set(session, matcher);
    }
    return matcher;
  }

  #matcherOf({ subscriptions }: Session): (topic: number) => readonly Subscription[] {
    const trie = new FilterTrie<Subscription>();
    for (const subscription of subscriptions) trie.add(subscription.filter, subscription);
    const known = new Map<number, readonly Subscription[]>();
    return (topic) => {
      let found = known.get(topic);
      if (!found) {
        found = trie.match(this.tables.topics.name(topic));
        known.set(topic, found);
      }
      return found;
    };
  }

  /** Whether anybody got it on a server to which it was not sent, so through the cluster. */
  reachedAnotherServer(message: number): boolean {
    this.#spread ??= this.#findSpreadMessages();
    return this.#spread[message] === 1;
  }

  #findSpreadMessages(): Uint8Array {
    const { deliveries, messages } = this.tables;
    const spread = new Uint8Array(messages.count);
    for (let row = 0; row < deliveries.count; row++) {
      const { server } = this.connection(deliveries.connection(row)).connect;
      const message = deliveries.message(row);
      const isSpread = messages
        .sendConnections(message)
        .every((way) => this.connection(way).connect.server !== server);
      if (isSpread) spread[message] = 1;
    }
    return spread;
  }

  /** In how many sessions its publisher sent it: each may bring it once. */
  publisherSessions(message: number): number {
    const sessions = new Set(
      this.tables.messages.sendConnections(message).map((way) => this.connection(way).session ?? way),
    );
    return sessions.size;
  }

  /** Tells that something came too late, which a starved machine excuses. */
  reportLate(report: Report, fromMs: number, toMs: number, text: () => string): void {
    if (this.hostLoad.isStarved(fromMs, toMs)) report.excuse(() => `this machine was starved: ${text()}`);
    else report.violate(text);
  }

  /** One clause for a finding. */
  message(row: number): string {
    const { messages, topics } = this.tables;
    const { client, connect } = this.connection(messages.firstConnection(row));
    const topic = topics.name(messages.topic(row));
    if (messages.isWill(row))
      return `will ${messages.id(row)} of ${client.id} (${topic}, QoS ${messages.qos(row)})`;
    const acked = messages.isAcked(row)
      ? `acked ${seconds(messages.ackAt(row))} by ${this.connection(messages.ackConnection(row)).connect.server}`
      : 'not acked';
    const sent = `sent ${seconds(messages.firstAt(row))} to ${connect.server}`;
    const what = messages.isClear(row) ? 'clear' : 'message';
    return `${what} ${messages.id(row)} of ${client.id} (${topic}, QoS ${messages.qos(row)}, ${sent}, ${acked})`;
  }
}

function isGranted({ ackedSequence, endSequence, granted }: Subscription): boolean {
  return ackedSequence !== never && endSequence === never && granted < refusedMin;
}

/** Milliseconds of the run as seconds, for a finding. */
export function seconds(atMs: number): string {
  return `${(atMs / msPerSecond).toFixed(3)} s`;
}
