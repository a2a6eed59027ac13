import type { Message } from '@mqtt-cluster/contracts';
import { messageBytes } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../../context.ts';
import type { Connection } from '../connections/connection.ts';

/** Bounds of all QoS 0 messages that wait for the log. Further messages are dropped and counted. */
const heldMessagesMax = 10_000;
const heldBytesMax = 16 * 1024 * 1024;

interface TopicOrder {
  /** Retained QoS 0 messages of this connection and topic that are proposed and not applied. */
  unapplied: number;
  readonly held: Message[];
}

/**
 * Keeps the order of one connection's QoS 0 messages on one topic [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]. A
 * message with RETAIN goes through the log; one without RETAIN goes directly to the homes. The second waits
 * until the first is applied. An isolated member does not wait, because the log may not advance.
 */
export class PublishOrder {
  readonly #context: MemberContext;
  readonly #publish: (connection: Connection, message: Message) => void;
  readonly #topics = new Map<Connection, Map<string, TopicOrder>>();
  #heldMessages = 0;
  #heldBytes = 0;

  /** @param publish publishes a message that waits no longer */
  constructor(context: MemberContext, publish: (connection: Connection, message: Message) => void) {
    this.#context = context;
    this.#publish = publish;
  }

  get size(): number {
    return this.#heldMessages;
  }

  /** @returns true when the message waits, or was dropped at a bound */
  hold(connection: Connection, message: Message): boolean {
    if (this.#topics.size === 0 || this.#context.isolated) return false;
    const order = this.#topics.get(connection)?.get(message.topic);
    // Retained messages keep their order in the log.
    if (order === undefined || (message.retain && order.held.length === 0)) return false;
    const bytes = messageBytes(message);
    if (this.#heldMessages >= heldMessagesMax || this.#heldBytes + bytes > heldBytesMax) {
      this.#context.events.push({ kind: 'dropped', reason: 'noMajority', count: 1, counts: true });
      return true;
    }
    order.held.push(message);
    this.#heldMessages++;
    this.#heldBytes += bytes;
    return true;
  }

  /** Records that a retained QoS 0 message of the connection is proposed. */
  proposed(connection: Connection, topic: string): void {
    let topics = this.#topics.get(connection);
    if (topics === undefined) this.#topics.set(connection, (topics = new Map<string, TopicOrder>()));
    const order = topics.get(topic);
    if (order === undefined) topics.set(topic, { unapplied: 1, held: [] });
    else order.unapplied++;
  }

  /** Records that such a message is applied, and publishes the messages that waited for it. */
  applied(connection: Connection, topic: string): void {
    const topics = this.#topics.get(connection);
    const order = topics?.get(topic);
    if (topics === undefined || order === undefined || --order.unapplied > 0) return;
    // A message without RETAIN behind another retained message still waits.
    while (order.held.length > 0 && (order.unapplied === 0 || order.held[0]!.retain))
      this.#publishFirst(connection, order);
    if (order.unapplied > 0) return;
    topics.delete(topic);
    if (topics.size === 0) this.#topics.delete(connection);
  }

  /** Publishes all messages that wait, because this member has become isolated. */
  onIsolated(): void {
    for (const [connection, topics] of this.#topics)
      for (const order of topics.values())
        while (order.held.length > 0) this.#publishFirst(connection, order);
  }

  /** Publishes all messages that wait. A snapshot contains the entries that they waited for. */
  onRestored(): void {
    this.onIsolated();
    this.#topics.clear();
  }

  #publishFirst(connection: Connection, order: TopicOrder): void {
    const message = order.held.shift()!;
    this.#heldMessages--;
    this.#heldBytes -= messageBytes(message);
    this.#publish(connection, message);
  }
}
