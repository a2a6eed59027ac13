import type { ClientId, LiveMessage, MemberId, Message, Subscription } from '@mqtt-cluster/contracts';
import { TopicTree } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../../context.ts';
import type { Connection, LocalItem } from '../connections/connection.ts';
import type { Connections } from '../connections/connections.ts';
import type { Delivery } from './delivery.ts';
import type { LiveForwarding } from '../live/live-forwarding.ts';
import type { Router } from '../router.ts';
import { retainedFor } from '../subscriptions.ts';
import type { Granted } from '../subscriptions.ts';

interface Parts {
  readonly router: Router;
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly live: LiveForwarding;
}

/** Which of this home's connections get a message, and through which of their queues. */
export class Fanout {
  readonly #context: MemberContext;
  readonly #parts: Parts;
  /** Counts shared QoS 0 messages, so that the members of a group take turns. */
  #shareTurn = 0;
  /** The member's own retained messages (`$SYS`); not replicated. */
  readonly #localRetained = new TopicTree<Message>();

  constructor(context: MemberContext, parts: Parts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** QoS 0 of a client here: to those of this home, of its peers, and of one member of each group. */
  unacknowledged(message: Message): void {
    this.#deliver(message);
    this.#parts.live.forward(message);
    this.#share(message);
  }

  /** The member's own, for its own clients. */
  local(message: Message): void {
    if (message.retain) {
      if (message.payload.length === 0) this.#localRetained.delete(message.topic);
      else this.#localRetained.set(message.topic, message);
    }
    this.#deliver(message);
  }

  /** QoS 0 from a peer's clients, for those who were here when it was sent: others may have had it at their last home. */
  live(from: MemberId, sent: LiveMessage): void {
    const { live } = this.#parts;
    const { messages, direct } = sent;
    const sentAtMs = live.ages.sentAtMs(from, sent, this.#context.nowMs);
    if (sentAtMs === null) return live.drop(messages.length + direct.length);
    for (const message of messages) this.#deliver(message, sentAtMs);
    for (const { client, message } of direct) this.#deliverTo(client, message, sentAtMs);
  }

  /** What the log has published. */
  published(message: Message): void {
    for (const connection of this.#parts.router.match(message)) {
      const item = matchedItem(connection, message);
      // What a persistent session gets with QoS 1 or 2 is in its queue; QoS 0 is never queued.
      if (connection.clean || item.qos === 0) this.#parts.delivery.enqueue(connection, item);
    }
  }

  /** What only this member's disk has. */
  early(message: Message, early: string): void {
    const { router, delivery } = this.#parts;
    for (const connection of router.match(message)) {
      const item = matchedItem(connection, message);
      if (connection.clean || item.qos === 0) delivery.enqueue(connection, item);
      // Only behind everything it has: nothing may overtake what its queue still holds.
      else if (!connection.earlySkipped && delivery.isLevel(connection)) {
        delivery.enqueue(connection, { ...item, early });
      } else connection.earlySkipped = true;
    }
  }

  /** What a new subscription is shown. */
  retained(connection: Connection, subscriptions: readonly Subscription[], granted: Granted): void {
    const { delivery } = this.#parts;
    for (const item of retainedFor(this.#context.state, this.#localRetained, subscriptions, granted)) {
      delivery.enqueue(connection, item);
    }
    if (granted.retainedQueued.includes(true)) delivery.pump(connection);
  }

  /** @param sentAtMs when its publisher's home sent it; clients who connected later don't get it. */
  #deliver(message: Message, sentAtMs = Infinity): void {
    const { router, delivery } = this.#parts;
    for (const connection of router.match(message)) {
      if (connection.connectedAtMs > sentAtMs) continue;
      delivery.sendUnacknowledged(connection, matchedItem(connection, message));
    }
  }

  /** QoS 0 to shared subscriptions: the publisher's home chooses, because it is the only one that knows of the message. */
  #share(message: Message): void {
    const { state, options } = this.#context;
    for (const { client, home } of state.sharing(message.topic, this.#shareTurn)) {
      this.#shareTurn++;
      if (home?.member === options.id) this.#deliverTo(client, message);
      else if (home !== null) this.#parts.live.direct(home.member, { client, message });
    }
  }

  #deliverTo(client: ClientId, message: Message, sentAtMs = Infinity): void {
    const connection = this.#parts.connections.ofClient(client);
    if (connection !== undefined && connection.connectedAtMs <= sentAtMs)
      this.#parts.delivery.sendUnacknowledged(connection, { message, qos: 0, retain: false });
  }
}

function matchedItem(connection: Connection, message: Message): LocalItem {
  const qos = Math.min(connection.matchQoS, message.qos) as 0 | 1 | 2; // [MQTT-3.8.4-6]
  // [MQTT-3.3.1-9]: RETAIN is 0 for an established subscription, unless it asked to keep it (MQTT 5).
  const item = { message, qos, retain: message.retain && connection.matchRetainAsPublished };
  const subscriptionIdentifiers = connection.matchIdentifiers;
  return subscriptionIdentifiers === undefined ? item : { ...item, subscriptionIdentifiers };
}
