import type { ClientId, LiveMessage, MemberId, Message, Subscription } from '@mqtt-cluster/contracts';
import { TopicTree } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../../context.ts';
import type { Connection, LocalItem } from '../connections/connection.ts';
import type { Connections } from '../connections/connections.ts';
import type { Delivery } from './delivery.ts';
import { HeldLiveMessages } from '../live/held-live-messages.ts';
import type { LiveForwarding } from '../live/live-forwarding.ts';
import { RecentRetained } from '../live/recent-retained.ts';
import type { Router } from '../router.ts';
import { grantsRetained } from '../subscriptions.ts';
import type { GrantedSubscriptions } from '../subscriptions.ts';

interface Parts {
  readonly router: Router;
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly live: LiveForwarding;
}

/**
 * Chooses the connections of this home to which a message is sent, and the queue in which the message waits.
 */
export class Fanout {
  readonly #context: MemberContext;
  readonly #parts: Parts;
  /** Counts QoS 0 messages to shared subscriptions, so that the subscribers of a group take turns. */
  #shareTurn = 0;
  /** The member's own retained messages (`$SYS`), which are not replicated. */
  readonly #localRetained = new TopicTree<Message>();
  readonly #recentRetained = new RecentRetained();
  readonly #heldLive: HeldLiveMessages;

  constructor(context: MemberContext, parts: Parts) {
    this.#context = context;
    this.#parts = parts;
    this.#heldLive = new HeldLiveMessages(context, (frame, sentAtMs) => this.#deliverLive(frame, sentAtMs));
  }

  /**
   * Sends a client's QoS 0 message to subscribers here, to interested peers, and to one subscriber of each
   * shared subscription.
   */
  unacknowledged(message: Message): void {
    this.#deliver(message);
    this.#parts.live.forward(message);
    this.#share(message);
  }

  /** Sends a message of the member itself (`$SYS`) to the clients of this home. */
  local(message: Message): void {
    if (message.retain) {
      if (message.payload.length === 0) this.#localRetained.delete(message.topic);
      else this.#localRetained.set(message.topic, message);
    }
    this.#deliver(message);
  }

  /**
   * Sends live messages from a peer to the clients that were connected here when the peer sent them. Clients
   * that connected later may already have received the messages at their former home. The messages wait until
   * this member has applied what their sender had applied.
   */
  live(from: MemberId, sent: LiveMessage): void {
    const { live } = this.#parts;
    const { messages, direct } = sent;
    const sentAtMs = live.ages.sentAtMs(from, sent, this.#context.nowMs);
    if (sentAtMs === null) return live.countDropped(messages.length + direct.length);
    this.#heldLive.receive(from, sent, sentAtMs);
  }

  /** Delivers the live messages whose wait has ended. */
  releaseLive(): void {
    this.#heldLive.release();
    this.#recentRetained.expire(this.#context.nowMs);
  }

  #deliverLive({ messages, direct, appliedIndex = Infinity }: LiveMessage, sentAtMs: number): void {
    for (const message of messages) {
      if (this.#recentRetained.isLate(message, appliedIndex)) this.#parts.live.countDropped(1);
      else this.#deliver(message, sentAtMs);
    }
    for (const { client, message, filter } of direct) this.#deliverTo(client, message, filter, sentAtMs);
  }

  /** Sends an applied publish to the matching connections of this home. */
  published(message: Message): void {
    const { state, nowMs } = this.#context;
    if (message.retain && message.qos === 0) this.#recentRetained.add(message, state.index, nowMs);
    for (const connection of this.#parts.router.match(message)) {
      const item = matchedItem(connection, message);
      // The replicated queue holds the QoS 1 and 2 messages of a persistent session. QoS 0 messages are never
      // queued.
      if (connection.clean || item.qos === 0) this.#enqueue(connection, item);
    }
    if (message.qos === 0) this.#shareApplied(message);
  }

  /** Early delivery of a message that only this member's disk holds. */
  early(message: Message, early: string): void {
    const { router, delivery } = this.#parts;
    for (const connection of router.match(message)) {
      const item = matchedItem(connection, message);
      if (connection.clean || item.qos === 0) this.#enqueue(connection, item);
      // An early delivery must not overtake older messages of the replicated queue.
      else if (!connection.earlySkipped && delivery.isDrained(connection)) {
        delivery.enqueue(connection, { ...item, early });
      } else connection.earlySkipped = true;
    }
  }

  /**
   * Begins to send the retained messages for new subscriptions.
   * @param except retained messages that are newer than the subscriptions: they follow as published messages
   */
  retained(
    connection: Connection,
    subscriptions: readonly Subscription[],
    granted: GrantedSubscriptions,
    except?: ReadonlySet<Message>,
  ): void {
    const { delivery } = this.#parts;
    const { index } = this.#context.state;
    // The set of the caller changes.
    const newer = new Set(except);
    subscriptions.forEach((subscription, position) => {
      if (!grantsRetained(subscription, granted, position)) return;
      const { filter } = subscription;
      const qos0Only = granted.retainedQueued[position]!;
      // A repeated SUBSCRIBE begins again [MQTT-3.8.4-3].
      connection.retained = connection.retained.filter((each) => each.subscription.filter !== filter);
      const stream = { subscription, index, newer, qos0Only, after: null };
      delivery.retained.begin(connection, { ...stream, own: null, early: new Set() });
      if (filter.startsWith('$'))
        delivery.retained.begin(connection, { ...stream, own: this.#localRetained, early: new Set() });
    });
    delivery.pump(connection);
  }

  #enqueue(connection: Connection, item: LocalItem): void {
    const { delivery } = this.#parts;
    if (connection.retained.length > 0) delivery.retained.sendBefore(connection, item.message.topic);
    delivery.enqueue(connection, item);
  }

  /**
   * @param sentAtMs when the publisher's home sent the message: clients that connected later do not get it
   */
  #deliver(message: Message, sentAtMs = Infinity): void {
    const { router, delivery } = this.#parts;
    for (const connection of router.match(message)) {
      if (connection.connectedAtMs > sentAtMs) continue;
      if (connection.retained.length > 0) delivery.retained.sendBefore(connection, message.topic);
      delivery.sendUnacknowledged(connection, matchedItem(connection, message));
    }
  }

  /**
   * Sends a QoS 0 message to shared subscriptions. The publisher's home chooses the subscriber, because no
   * other member has the message.
   */
  #share(message: Message): void {
    const { state, options } = this.#context;
    for (const { filter, session } of state.sharedSubscribers(message.topic, this.#shareTurn)) {
      const { client, home } = session;
      this.#shareTurn++;
      if (home?.member === options.id) this.#deliverTo(client, message, filter);
      else if (home !== null) this.#parts.live.direct(home.member, { client, message, filter });
    }
  }

  /**
   * Sends a QoS 0 message of the log (a retained message or a will) to shared subscriptions. All members apply the
   * same entry and choose the same sessions, and the home of a chosen session sends the message.
   */
  #shareApplied(message: Message): void {
    const { state, options } = this.#context;
    for (const { filter, session } of state.sharedSubscribers(message.topic, state.index)) {
      if (session.home?.member === options.id) this.#deliverTo(session.client, message, filter);
    }
  }

  /** @param filter the shared subscription; undefined if an older member sent the message */
  #deliverTo(client: ClientId, message: Message, filter: string | undefined, sentAtMs = Infinity): void {
    const connection = this.#parts.connections.ofClient(client);
    if (connection === undefined || connection.connectedAtMs > sentAtMs) return;
    const { subscriptions } = this.#context.state.session(client) ?? {};
    const subscription = filter === undefined ? undefined : subscriptions?.get(filter);
    const retain = message.retain && subscription?.retainAsPublished === true;
    const identifier = subscription?.subscriptionIdentifier;
    this.#parts.delivery.sendUnacknowledged(connection, {
      message,
      qos: 0,
      retain,
      ...(identifier !== undefined && { subscriptionIdentifiers: [identifier] }),
    });
  }
}

function matchedItem(connection: Connection, message: Message): LocalItem {
  const qos = Math.min(connection.matchQoS, message.qos) as 0 | 1 | 2; // [MQTT-3.8.4-6]
  // [MQTT-3.3.1-9]: RETAIN is 0 for an established subscription, unless it asked to keep it (MQTT 5).
  const item = { message, qos, retain: message.retain && connection.matchRetainAsPublished };
  const subscriptionIdentifiers = connection.matchIdentifiers;
  return subscriptionIdentifiers === undefined ? item : { ...item, subscriptionIdentifiers };
}
