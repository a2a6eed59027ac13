import type { DropReason, Message, QoS } from '@mqtt-cluster/contracts';
import type { QueueItem, SessionView } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../../context.ts';
import { remainingExpirySeconds } from '../../log/message-expiry.ts';
import { numberedPacketId } from '../connections/connection.ts';
import type { Connection, LocalItem } from '../connections/connection.ts';
import { DeliverySamples } from './delivery-samples.ts';
import type { LocalQueues } from './local-queues.ts';
import type { AckProgress } from './ack-progress.ts';
import { RetainedDelivery } from './retained-delivery.ts';

/**
 * Bound on the expired items of replicated queues that one turn passes over for all connections. Their removal is one
 * `progress` command for each turn.
 */
const expiredPerTurnMax = 1_000;

/** The fields that items of the local queue and of the replicated queue have in common. */
interface Outbound {
  readonly message: Message;
  readonly retain: boolean;
  readonly subscriptionIdentifiers?: readonly number[];
}

/**
 * Delivers queued messages in order, within the window of each connection. `connection.local` holds messages
 * that exist only at this home. The session's replicated queue is the same on every member.
 */
export class Delivery {
  readonly retained: RetainedDelivery;
  readonly #context: MemberContext;
  readonly #progress: AckProgress;
  readonly #drops = new Map<DropReason, number>();
  readonly #samples: DeliverySamples;
  readonly #queues: LocalQueues;
  #expiredLeft = expiredPerTurnMax;
  /** Connections that wait for the next turn, because a turn has passed over as many expired items as it may. */
  readonly #waiting = new Set<Connection>();

  constructor(context: MemberContext, progress: AckProgress, queues: LocalQueues) {
    this.#context = context;
    this.#queues = queues;
    this.#progress = progress;
    this.#samples = new DeliverySamples(context);
    this.retained = new RetainedDelivery(context, this);
  }

  /** Continues with the connections that the bounds of earlier turns stopped. Called once a turn. */
  pumpWaiting(): void {
    for (const connection of [...this.#waiting]) {
      if (this.#expiredLeft <= 0) break;
      this.#waiting.delete(connection);
      this.pump(connection);
    }
    this.retained.pumpWaiting();
  }

  /** Ends the turn. @returns true when the next turn can deliver more at once */
  endTurn(): boolean {
    this.#expiredLeft = expiredPerTurnMax;
    const hasRetained = this.retained.endTurn();
    return hasRetained || this.#waiting.size > 0;
  }

  /** Reports the first delivery of this message to `measures`. */
  sample(message: Message, receivedMs: number): void {
    this.#samples.add(message, receivedMs);
  }

  /** Sends a message with QoS 0, or drops it when the client's socket is full. */
  sendUnacknowledged(connection: Connection, item: LocalItem): void {
    if (connection.phase !== 'open') return;
    if (!connection.writable) return this.#drop(connection, 'slowSubscriber');
    this.#send(connection, item, 0, false, 0);
  }

  /** Adds a message to the connection's local queue and delivers as far as the window allows. */
  enqueue(connection: Connection, item: LocalItem): void {
    if (item.qos === 0) return this.sendUnacknowledged(connection, item);
    const isIdle = connection.phase === 'open' && connection.local.length === 0 && connection.hasRoom;
    if (isIdle) return this.sendLocal(connection, item);
    this.#queues.push(connection, item, () => this.#drop(connection, 'slowSubscriber'));
    if (connection.phase === 'open') this.#pumpLocal(connection);
  }

  pump(connection: Connection): void {
    if (connection.phase !== 'open') return;
    this.#pumpLocal(connection);
    if (!connection.clean || connection.cursor > 0 || this.#mayHaveQueue(connection)) {
      const session = this.#context.state.session(connection.client);
      // An entry that ends the connection can queue further messages, which the home must not send any more.
      const isCurrent = session?.epoch === connection.epoch && session.home !== null;
      if (isCurrent && !connection.reported) this.#pumpQueue(connection, session);
    }
    if (connection.retained.length > 0) this.retained.pump(connection);
  }

  /**
   * Returns true when all messages of the connection's local queue and of the session's replicated queue are
   * sent.
   */
  isDrained(connection: Connection): boolean {
    if (connection.local.length > 0) return false;
    const session = this.#context.state.session(connection.client);
    if (session === undefined) return true;
    if (session.retainedPending) return false;
    for (const _ of session.queueFrom(connection.cursor)) return false;
    return true;
  }

  takeDrops(): void {
    for (const [reason, count] of this.#drops) {
      this.#context.events.push({ kind: 'dropped', reason, count, counts: true });
    }
    this.#drops.clear();
  }

  /** Clean sessions have a replicated queue only through shared subscriptions. */
  #mayHaveQueue(connection: Connection): boolean {
    const session = this.#context.state.session(connection.client);
    return session !== undefined && session.queuedMessages > 0;
  }

  #pumpLocal(connection: Connection): void {
    while (connection.local.length > 0 && connection.hasRoom) {
      this.sendLocal(connection, this.#queues.shift(connection)!);
    }
  }

  /** Sends a message that exists only at this home. For QoS 1 and 2 the window must have room. */
  sendLocal(connection: Connection, item: LocalItem): void {
    if (item.qos === 0) return this.sendUnacknowledged(connection, item);
    const packetId = connection.allocatePacketId();
    if (!this.#send(connection, item, item.qos, false, packetId)) return;
    const flight = { qos: item.qos, itemNumber: null, received: false };
    connection.inFlight.set(packetId, item.early === undefined ? flight : { ...flight, early: item.early });
    if (item.early !== undefined) connection.earlyInFlight.set(item.early, packetId);
  }

  #pumpQueue(connection: Connection, session: SessionView): void {
    const { sentBelow = 0 } = session;
    for (const item of session.queueFrom(connection.cursor)) {
      // The items before this one have left the queue. The next walk must not search their places again.
      connection.cursor = item.number;
      if (this.#deliveredEarly(connection, item)) {
        connection.cursor = item.number + 1;
        continue;
      }
      if (!connection.hasRoom) return;
      // The item gets its packet id when the replicated window has room. Later items of the same publisher
      // must not overtake it.
      if (item.qos === 2 && (item.packetId === 0 || this.#waitsForRemoval(connection, session, item))) return;
      // An item whose packet id is still in flight waits, and later items must not overtake it.
      if (item.qos === 1 && connection.inFlight.has(numberedPacketId(item.number))) return;
      const isRepeat = item.number < sentBelow;
      // A QoS 2 exchange that may have begun is completed, because the client remembers its packet id.
      if (this.#isExpired(item) && !(item.qos === 2 && (item.received || isRepeat))) {
        if (!this.#passOverExpired(connection, item)) return;
        continue;
      }
      connection.cursor = item.number + 1;
      if (item.qos === 0) {
        // All subscribers of this item's shared subscription have QoS 0, so the item is sent once without an
        // acknowledgement.
        this.sendUnacknowledged(connection, item);
        this.#progress.done(connection, item.number);
      } else if (item.qos === 2) this.#sendExactlyOnce(connection, item, isRepeat);
      else this.#sendAtLeastOnce(connection, item, isRepeat);
    }
    // The state queues further retained messages when it has applied the acknowledgements.
    if (!session.retainedPending) return;
    if (session.queuedMessages === 0) this.#progress.continueRetained(connection);
    else this.#progress.hurry(connection);
  }

  /**
   * Drops an expired item, whose message is not read for this.
   * @returns false when the bound of the turn is reached: the next turn continues with the item
   */
  #passOverExpired(connection: Connection, item: QueueItem): boolean {
    if (this.#expiredLeft <= 0) {
      this.#waiting.add(connection);
      return false;
    }
    this.#expiredLeft--;
    connection.cursor = item.number + 1;
    this.#drop(connection, 'expired');
    this.#expired(connection, item);
    return true;
  }

  /** Reports an item that was dropped because it expired before it was sent. */
  #expired(connection: Connection, { qos, number, packetId }: QueueItem): void {
    if (qos !== 2) return this.#progress.done(connection, number);
    connection.expiredItem = number;
    this.#progress.completed(connection, packetId);
  }

  #sendAtLeastOnce(connection: Connection, item: QueueItem, dup: boolean): void {
    const packetId = numberedPacketId(item.number);
    if (this.#send(connection, item, item.qos, dup, packetId)) {
      connection.inFlight.set(packetId, { qos: 1, itemNumber: item.number, received: false });
    } else this.#expired(connection, item);
  }

  #sendExactlyOnce(connection: Connection, item: QueueItem, dup: boolean): void {
    const { packetId } = item;
    if (item.received) {
      connection.inFlight.set(packetId, { qos: 2, itemNumber: item.number, received: true });
      this.#context.effects.push({ kind: 'pubrel', connection: connection.id, packetId });
      return;
    }
    if (this.#send(connection, item, item.qos, dup, packetId)) {
      connection.inFlight.set(packetId, { qos: 2, itemNumber: item.number, received: false });
    } else this.#expired(connection, item);
  }

  /**
   * Returns true when a QoS 2 message has to wait for the removal of an earlier one that expired before it was
   * sent. Until the removal is applied, another home may send the expired message, because it cannot determine
   * whether its exchange has begun. Further expired messages do not wait, so that one entry removes all.
   */
  #waitsForRemoval(connection: Connection, session: SessionView, item: QueueItem): boolean {
    if (connection.expiredItem === 0) return false;
    const [first] = session.queueFrom(connection.expiredItem);
    if (first?.number !== connection.expiredItem) {
      connection.expiredItem = 0;
      return false;
    }
    const mayBeSent = item.number < (session.sentBelow ?? 0);
    return mayBeSent || !this.#isExpired(item);
  }

  /** Returns true when this home has already delivered the item early, while it was isolated. */
  #deliveredEarly(connection: Connection, item: QueueItem): boolean {
    if (connection.earlyAcked.size + connection.earlyInFlight.size === 0 || item.qos !== 1) return false;
    const { origin } = item;
    if (origin?.storeId !== this.#context.options.recovered.storeId) return false;
    const key = earlyKey(origin.incarnation, origin.sequence, origin.command);
    if (connection.earlyAcked.delete(key)) {
      this.#progress.done(connection, item.number);
      return true;
    }
    const packetId = connection.earlyInFlight.get(key);
    if (packetId === undefined) return false;
    connection.earlyInFlight.delete(key);
    const flight = connection.inFlight.get(packetId);
    if (flight === undefined) return false;
    flight.itemNumber = item.number;
    return true;
  }

  /** @returns false when the message has expired [MQTT-3.3.2-5] */
  #send(connection: Connection, item: Outbound, qos: QoS, dup: boolean, packetId: number): boolean {
    const { message, retain, subscriptionIdentifiers } = item;
    if (this.#samples.waiting) this.#samples.sent(message);
    const expirySeconds = this.#expirySeconds(message);
    const effect = {
      kind: 'deliver' as const,
      connection: connection.id,
      message,
      qos,
      retain,
      dup,
      packetId,
    };
    if (expirySeconds === null && subscriptionIdentifiers === undefined) {
      this.#context.effects.push(effect);
      return true;
    }
    const identifiers = subscriptionIdentifiers === undefined ? {} : { subscriptionIdentifiers };
    if (expirySeconds === null) {
      this.#context.effects.push({ ...effect, ...identifiers });
      return true;
    }
    // A QoS 2 exchange that may have begun is completed, because the client remembers its packet id.
    if (expirySeconds <= 0 && !(dup && qos === 2)) {
      this.#drop(connection, 'expired');
      return false;
    }
    this.#context.effects.push({ ...effect, ...identifiers, expirySeconds: Math.max(0, expirySeconds) });
    return true;
  }

  #isExpired({ expiresAt }: QueueItem): boolean {
    return expiresAt <= this.#context.clock.expiryMs;
  }

  #expirySeconds(message: Message): number | null {
    return remainingExpirySeconds(message, this.#context.clock.expiryMs);
  }

  #drop(connection: Connection, reason: DropReason): void {
    connection.dropped++;
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1);
  }
}

/** Returns the key of an early delivery: incarnation, sequence number and position of the publish. */
export function earlyKey(incarnation: number, sequence: number, command: number): string {
  return `${incarnation}.${sequence}.${command}`;
}
