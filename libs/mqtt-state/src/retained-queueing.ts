import { retainedQueuedSemantics } from '@mqtt-cluster/contracts';
import type { Message, Subscription } from '@mqtt-cluster/contracts';
import { append, bodyBytes, deliveryOf, dequeue, fits } from './queueing.ts';
import type { Delivery } from './queueing.ts';
import type { Session } from './session.ts';
import type { Body, QueueEntry } from './session-queue.ts';
import type { StateData, Turn } from './state-data.ts';
import { parseShare } from './topic-names.ts';

/** Whether the server sends what is retained (MQTT 5, 3.8.3.1); never to a shared subscription (4.8.2). */
export function asksForRetained({ filter, retainHandling = 0 }: Subscription, isNew: boolean): boolean {
  return parseShare(filter) === null && (retainHandling === 0 || (retainHandling === 1 && isNew));
}

/**
 * What is retained outlives the home that would send it, like anything else in the queue (ADR 6). All or nothing: what
 * would go beyond a bound is left to the home, whose loss it does not survive.
 * @returns whether the queue has it now. Its home is not told: the answer does that, so that SUBACK comes first.
 */
export function queueRetained(
  turn: Turn,
  session: Session,
  subscription: Subscription,
  isNew: boolean,
): boolean {
  const { data } = turn;
  if (data.semantics < retainedQueuedSemantics || !asksForRetained(subscription, isNew)) return false;
  const wanted = inOrderOfLog(data, subscription.filter)
    .map((message) => ({
      message,
      delivery: { ...deliveryOf(session, subscription, message), retain: true },
    }))
    .filter(({ delivery }) => delivery.qos > 0);
  if (wanted.length === 0) return true;
  const copies = formerCopies(session, wanted);
  const count = wanted.length - copies.length;
  const bytes = sum(wanted, ({ message }) => bodyBytes(message)) - sum(copies, ({ body }) => body.bytes);
  if (data.queuedBytes + bytes > data.settings.clusterQueuedBytesMax) return false;
  if (!fits(turn, session, bytes, count)) return false;
  for (const copy of copies) dequeue(turn, session, copy);
  for (const { message, delivery } of wanted) {
    const body: Body = { message, origin: undefined, bytes: bodyBytes(message), references: 0 };
    append(turn, delivery, body);
  }
  return true;
}

interface Wanted {
  readonly message: Message;
  readonly delivery: Delivery;
}

/** The tree has another order after a snapshot. */
function inOrderOfLog({ retained, timeMs }: StateData, filter: string): Message[] {
  const entries = retained.matching(filter, timeMs);
  entries.sort(
    (left, right) => left.index - right.index || (left.message.topic < right.message.topic ? -1 : 1),
  );
  return entries.map(({ message }) => message);
}

/**
 * What a former connection's subscription left and nobody has begun as QoS 2: it gives way to the new one. Who subscribes
 * on each connection would fill its queue with it.
 */
function formerCopies({ items, sentBelow }: Session, wanted: readonly Wanted[]): QueueEntry[] {
  const copies: QueueEntry[] = [];
  if (items.size === 0) return copies;
  const byTopic = new Map(wanted.map(({ message }) => [message.topic, message]));
  for (const entry of items.from(0)) {
    if (entry.number >= sentBelow) break;
    const message = byTopic.get(entry.message.topic);
    if (message !== undefined && isCopy(entry, message)) copies.push(entry);
  }
  return copies;
}

/** Live ones have an origin; of a will that kept RETAIN a copy is as good. */
function isCopy({ retain, origin, packetId, message }: QueueEntry, retained: Message): boolean {
  if (!retain || origin !== undefined || packetId !== 0) return false;
  return (
    message.qos === retained.qos &&
    message.publisher === retained.publisher &&
    Buffer.compare(message.payload, retained.payload) === 0
  );
}

function sum<Item>(items: readonly Item[], amount: (item: Item) => number): number {
  return items.reduce((total, item) => total + amount(item), 0);
}
