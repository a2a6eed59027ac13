import type { LogIndex, Message, QoS, Subscription } from '@mqtt-cluster/contracts';
import { compareTopics, mayReceive, topicMatches } from '@mqtt-cluster/mqtt-state';
import type { RetainedMessage, VisitBudget } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../../context.ts';
import type { Connection, LocalItem } from '../connections/connection.ts';
import type { RetainedStream } from './retained-stream.ts';

/**
 * Bounds on the retained messages that one turn reads and sends for all connections. They bound the memory of
 * the turn's output, and the delay of other clients. A client's full socket is noticed after the turn.
 */
const messagesPerTurnMax = 500;
const bytesPerTurnMax = 256 * 1024;
/** Bound on the nodes of the topic tree that one turn examines for all connections, about 10 ms. */
const nodesPerTurnMax = 10_000;
/**
 * Bound on the early topics of one subscription. At the bound, the retained message of a topic can follow a
 * newer message that was published without RETAIN.
 */
const earlyTopicsMax = 1_000;

/** Sends one message to a connection. */
interface Sender {
  enqueue(connection: Connection, item: LocalItem): void;
  sendLocal(connection: Connection, item: LocalItem): void;
}

/**
 * Sends the retained messages of new subscriptions by flow control, in the order of their topics: those of QoS
 * 0 as far as the client's socket takes them, the others as far as the window has room. It keeps only a
 * position for each subscription, so their number needs no memory.
 */
export class RetainedDelivery {
  readonly #context: MemberContext;
  readonly #sender: Sender;
  /** Connections that wait for the next turn, because a turn has reached its bounds. They take turns. */
  readonly #waiting = new Set<Connection>();
  #messagesLeft = messagesPerTurnMax;
  #bytesLeft = bytesPerTurnMax;
  readonly #visits: VisitBudget = { nodesLeft: nodesPerTurnMax };

  constructor(context: MemberContext, sender: Sender) {
    this.#context = context;
    this.#sender = sender;
  }

  /** Begins to send the retained messages of a subscription [MQTT-3.3.1-6]. */
  begin(connection: Connection, stream: RetainedStream): void {
    connection.retained.push(stream);
  }

  /** Sends the next messages to the connections that the bounds of earlier turns stopped. Called once a turn. */
  pumpWaiting(): void {
    if (this.#waiting.size === 0) return;
    for (const connection of [...this.#waiting]) {
      if (this.#isExhausted) return;
      this.#waiting.delete(connection);
      if (connection.phase === 'open') this.pump(connection);
    }
  }

  /** Ends the turn. @returns true when the next turn can send more at once */
  endTurn(): boolean {
    this.#messagesLeft = messagesPerTurnMax;
    this.#bytesLeft = bytesPerTurnMax;
    this.#visits.nodesLeft = nodesPerTurnMax;
    return this.#waiting.size > 0;
  }

  /** Sends the next messages to a connection, as far as the client takes them. */
  pump(connection: Connection): void {
    for (let stream = connection.retained[0]; stream; stream = connection.retained[0]) {
      if (!this.#sendNext(connection, stream)) return;
      connection.retained.shift();
    }
  }

  /**
   * Sends the retained message of a topic before a newer message on the same topic, if a subscription of the
   * connection has not reached the topic yet [3.1.1 MQTT-4.6.0-6]. A newer message with RETAIN has replaced the
   * retained one.
   */
  sendBefore(connection: Connection, topic: string): void {
    const { state, clock } = this.#context;
    for (const stream of connection.retained) {
      const { subscription, after, early } = stream;
      if (early.has(topic) || early.size >= earlyTopicsMax) continue;
      if ((after !== null && compareTopics(topic, after) <= 0) || !topicMatches(subscription.filter, topic))
        continue;
      if (stream.own !== null) {
        early.add(topic);
        continue;
      }
      state.visitRetained(topic, null, clock.expiryMs, ({ message, index }) => {
        const item = itemOf(subscription, message);
        const isSent = isOlder(stream, message, index) && isWanted(connection, stream, item);
        if (!isSent || (item.qos === 0 && !connection.writable)) return false;
        early.add(topic);
        this.#sender.enqueue(connection, item);
        return false;
      });
    }
  }

  get #isExhausted(): boolean {
    return this.#messagesLeft <= 0 || this.#bytesLeft <= 0 || this.#visits.nodesLeft <= 0;
  }

  /** @returns true when all messages of the subscription are sent */
  #sendNext(connection: Connection, stream: RetainedStream): boolean {
    if (this.#isExhausted) {
      this.#waiting.add(connection);
      return false;
    }
    let ended = true;
    const stoppedAt = visit(this.#context, stream, this.#visits, (message, index) => {
      if (this.#isExhausted) {
        this.#waiting.add(connection);
        ended = false;
        return false;
      }
      const item = itemOf(stream.subscription, message);
      if (
        isOlder(stream, message, index) &&
        isWanted(connection, stream, item) &&
        !stream.early.has(message.topic)
      ) {
        if (!mayTake(connection, item.qos)) {
          ended = false;
          return false;
        }
        this.#bytesLeft -= message.payload.length + message.topic.length;
        this.#sender.sendLocal(connection, item);
      }
      this.#messagesLeft--;
      stream.early.delete(message.topic);
      stream.after = message.topic;
      return true;
    });
    if (stoppedAt === null) return ended;
    stream.after = stoppedAt;
    this.#waiting.add(connection);
    return false;
  }
}

function visit(
  { state, clock }: MemberContext,
  { own, subscription, after }: RetainedStream,
  budget: VisitBudget,
  each: (message: Message, index: LogIndex) => boolean,
): string | null {
  const { filter } = subscription;
  if (own !== null) return own.visitAfter(filter, after, (message) => each(message, 0), { budget });
  const eachRetained = ({ message, index }: RetainedMessage): boolean => each(message, index);
  return state.visitRetained(filter, after, clock.expiryMs, eachRetained, budget);
}

function isOlder(stream: RetainedStream, message: Message, index: LogIndex): boolean {
  return index <= stream.index && !stream.newer.has(message);
}

function isWanted(
  { client }: Connection,
  { qos0Only, subscription }: RetainedStream,
  { qos, message }: LocalItem,
): boolean {
  return (qos === 0 || !qos0Only) && mayReceive(subscription, client, message);
}

/** Published messages that wait in the local queue go first, because that queue has a bound. */
function mayTake(connection: Connection, qos: QoS): boolean {
  return connection.writable && (qos === 0 || (connection.hasRoom && connection.local.length === 0));
}

/** A retained message for a new subscription has RETAIN set [MQTT-3.3.1-8]. */
function itemOf({ qos: granted, subscriptionIdentifier }: Subscription, message: Message): LocalItem {
  const item = { message, qos: Math.min(granted, message.qos) as QoS, retain: true };
  return subscriptionIdentifier === undefined
    ? item
    : { ...item, subscriptionIdentifiers: [subscriptionIdentifier] };
}
