import type { HistoryTables } from '../tables/history-tables.ts';
import { never } from '../tables/clients.ts';
import type { RecordedConnection, RecordedSession, RecordedSubscription } from '../tables/clients.ts';
import { Grouping } from '../tables/column.ts';
import { FilterTrie } from '../tables/filters.ts';
import { rejectionCodeMin } from '../tables/messages.ts';
import { HostLoad } from './host-load.ts';
import { ObservedLag } from './observed-lag.ts';
import type { Report } from '../report.ts';

const msPerSecond = 1_000;

/** Tables that several rules derive from the history. Each table is computed once. */
export class Analysis {
  readonly tables: HistoryTables;
  readonly #matchers = new Map<RecordedSession, (topic: number) => readonly RecordedSubscription[]>();
  /** For each session, the rows of its deliveries, in the order of the history. */
  readonly deliveriesBySession: Grouping;
  /** For each topic, the rows of its messages, in the order in which they were first sent. */
  readonly messagesByTopic: Grouping;
  #hostLoad: HostLoad | null = null;
  #lag: ObservedLag | null = null;
  #deliveredElsewhere: Uint8Array | null = null;
  /** Number of topics to which messages were sent. */
  readonly topicCount: number;
  /**
   * Acknowledged subscriptions that were not unsubscribed. Only sessions whose client was connected when the
   * run had settled are included.
   */
  readonly activeSubscriptions: readonly RecordedSubscription[];

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
      .filter((session) => this.#wasConnectedAtEnd(session))
      .flatMap(({ subscriptions }) => subscriptions.filter(isGranted));
  }

  /**
   * Whether the session's client was connected when the run had settled. The session has then received all
   * messages that are due to it.
   */
  #wasConnectedAtEnd({ promisedUntil, connections }: RecordedSession): boolean {
    const settled = this.tables.settledSequence;
    if (settled === null || promisedUntil !== never) return false;
    return connections.some((one) => one.connectedSequence < settled && one.closedSequence > settled);
  }

  get hostLoad(): HostLoad {
    return (this.#hostLoad ??= new HostLoad(this.tables.probes));
  }

  get lag(): ObservedLag {
    return (this.#lag ??= new ObservedLag(this.tables));
  }

  connection(index: number): RecordedConnection {
    return this.tables.sessions.connectionAt(index);
  }

  /** @returns the given subscriptions that match each topic, indexed by the topic's number */
  matches(subscriptions: readonly RecordedSubscription[]): readonly (readonly RecordedSubscription[])[] {
    const trie = new FilterTrie<RecordedSubscription>();
    for (const subscription of subscriptions) trie.add(subscription.filter, subscription);
    const { topics } = this.tables;
    return Array.from({ length: topics.count }, (_, topic) => trie.match(topics.name(topic)));
  }

  /**
   * @returns a function that returns the session's subscriptions that match a topic; the function caches its
   * results
   */
  matcher(session: RecordedSession): (topic: number) => readonly RecordedSubscription[] {
    let matcher = this.#matchers.get(session);
    if (!matcher) {
      matcher = this.#matcherOf(session);
      this.#matchers.set(session, matcher);
    }
    return matcher;
  }

  #matcherOf({ subscriptions }: RecordedSession): (topic: number) => readonly RecordedSubscription[] {
    const trie = new FilterTrie<RecordedSubscription>();
    for (const subscription of subscriptions) trie.add(subscription.filter, subscription);
    const known = new Map<number, readonly RecordedSubscription[]>();
    return (topic) => {
      let found = known.get(topic);
      if (!found) {
        found = trie.match(this.tables.topics.name(topic));
        known.set(topic, found);
      }
      return found;
    };
  }

  /**
   * Whether a server other than the publisher's server delivered the message, so the message had been
   * replicated.
   */
  reachedAnotherServer(message: number): boolean {
    this.#deliveredElsewhere ??= this.#findMessagesDeliveredElsewhere();
    return this.#deliveredElsewhere[message] === 1;
  }

  #findMessagesDeliveredElsewhere(): Uint8Array {
    const { deliveries, messages } = this.tables;
    const found = new Uint8Array(messages.count);
    for (let row = 0; row < deliveries.count; row++) {
      const { server } = this.connection(deliveries.connection(row)).connect;
      const message = deliveries.message(row);
      const isElsewhere = messages
        .sendConnections(message)
        .every((sender) => this.connection(sender).connect.server !== server);
      if (isElsewhere) found[message] = 1;
    }
    return found;
  }

  /**
   * Number of publisher sessions in which the message was sent. The target may deliver the message once for
   * each session.
   */
  publisherSessions(message: number): number {
    const sessions = new Set(
      this.tables.messages
        .sendConnections(message)
        .map((sender) => this.connection(sender).session ?? sender),
    );
    return sessions.size;
  }

  /**
   * Whether the machine was so busy that any server may have been isolated in this interval. As after a fault, all
   * servers serve together again 10 s later at the latest (P7).
   */
  isIsolatedByLoad(fromMs: number, toMs: number): boolean {
    return this.hostLoad.isStarved(fromMs - this.tables.faults.healMsMax, toMs);
  }

  /**
   * Reports an event after its deadline: as an exception if the machine was starved, otherwise as a
   * violation.
   */
  reportLate(report: Report, fromMs: number, toMs: number, text: () => string): void {
    if (this.hostLoad.isStarved(fromMs, toMs))
      report.addException(() => `the machine was starved: ${text()}`);
    else report.addViolation(text);
  }

  /** Whether a message that this server delivers was published on the other side of a link. */
  isAcrossLink(message: number, server: string): boolean {
    const { messages, header } = this.tables;
    const { remotes = [] } = header;
    if (remotes.length === 0) return false;
    const origin = this.connection(messages.firstConnection(message)).connect.server;
    return remotes.includes(origin) !== remotes.includes(server);
  }

  /** @returns a description of a message for a finding */
  message(row: number): string {
    const { messages, topics } = this.tables;
    const { client, connect } = this.connection(messages.firstConnection(row));
    const topic = topics.name(messages.topic(row));
    if (messages.isWill(row))
      return `will ${messages.id(row)} of ${client.id} (${topic}, QoS ${messages.qos(row)})`;
    const acked = messages.isAcked(row)
      ? `acknowledged ${formatSeconds(messages.ackAt(row))} by ${this.connection(messages.ackConnection(row)).connect.server}`
      : 'not acknowledged';
    const sent = `sent ${formatSeconds(messages.firstAt(row))} to ${connect.server}`;
    const kind = messages.isClear(row) ? 'clear' : 'message';
    return `${kind} ${messages.id(row)} of ${client.id} (${topic}, QoS ${messages.qos(row)}, ${sent}, ${acked})`;
  }
}

function isGranted({ ackedSequence, endSequence, granted }: RecordedSubscription): boolean {
  return ackedSequence !== never && endSequence === never && granted < rejectionCodeMin;
}

/** @returns a time of the run in seconds, for a finding */
export function formatSeconds(atMs: number): string {
  return `${(atMs / msPerSecond).toFixed(3)} s`;
}
