import { retainedQueuedSemantics } from '@mqtt-cluster/contracts';
import type { Subscription } from '@mqtt-cluster/contracts';
import { appendUntold, bodyBytes, deliveryOf, dequeue, fits } from '../session/queueing.ts';
import type { Delivery } from '../session/queueing.ts';
import type { RetainedEntry } from './retained-messages.ts';
import type { Session } from '../session/session.ts';
import type { Body, QueueEntry } from '../session/session-queue.ts';
import type { Turn } from '../state-data.ts';
import { parseShare } from './topic-names.ts';

/** Of the bounds of an absent session, and of the cluster: the rest is for what is published. */
const share = 1 / 2;

/** Whether the server sends what is retained (MQTT 5, 3.8.3.1); never to a shared subscription (4.8.2). */
export function asksForRetained({ filter, retainHandling = 0 }: Subscription, isNew: boolean): boolean {
  return parseShare(filter) === null && (retainHandling === 0 || (retainHandling === 1 && isNew));
}

/**
 * What is retained outlives the home that would send it, like anything else in the queue (ADR 6). All or nothing: what
 * would take more than its share of a bound is left to the home, whose loss it does not survive.
 * @returns whether the queue has it now. Its home is not told: the answer does that, after SUBACK.
 */
export function queueRetained(
  turn: Turn,
  session: Session,
  subscription: Subscription,
  isNew: boolean,
): boolean {
  if (turn.semantics < retainedQueuedSemantics || !asksForRetained(subscription, isNew)) return false;
  const wanted = wantedBy(turn, session, subscription);
  if (wanted === null) return false;
  const former = formerlyShown(session, wanted);
  const bytes = sum(wanted, ({ entry }) => bodyBytes(entry.message)) - sum(former, ({ body }) => body.bytes);
  if (!hasRoom(turn, session, wanted.length - former.length, bytes)) return false;
  for (const entry of former) dequeue(turn, session, entry);
  for (const { entry, delivery } of wanted) {
    const { message, index } = entry;
    const body: Body = { message, origin: undefined, bytes: bodyBytes(message), references: 0 };
    appendUntold(turn, delivery, body, index);
  }
  return true;
}

interface Wanted {
  readonly entry: RetainedEntry;
  readonly delivery: Delivery;
}

/** In the order of the log: that of the tree is another one after a snapshot. Null: too many in any case. */
function wantedBy({ data }: Turn, session: Session, subscription: Subscription): Wanted[] | null {
  const { retained, settings, timeMs } = data;
  const most = settings.queuedMessagesMax * share;
  const wanted: Wanted[] = [];
  retained.visit(subscription.filter, timeMs, (entry) => {
    if (wanted.length > most) return;
    const delivery = { ...deliveryOf(session, subscription, entry.message), retain: true };
    if (delivery.qos > 0) wanted.push({ entry, delivery });
  });
  if (wanted.length > most) return null;
  return wanted.sort(({ entry: left }, { entry: right }) => {
    if (left.index !== right.index) return left.index - right.index;
    return left.message.topic < right.message.topic ? -1 : 1;
  });
}

/**
 * The same that a former connection's subscription was shown, and nobody has begun as QoS 2, gives way: who subscribes on
 * each connection would fill its queue with it.
 */
function formerlyShown({ items, sentBelow }: Session, wanted: readonly Wanted[]): QueueEntry[] {
  if (items.shown.size === 0) return [];
  const entries = new Map(wanted.map(({ entry }) => [entry.message.topic, entry]));
  return [...items.shown].filter(({ number, packetId, message, retainedIndex }) => {
    if (number >= sentBelow || packetId !== 0) return false;
    const entry = entries.get(message.topic);
    // One entry of the log may set a topic twice.
    return entry?.index === retainedIndex && Buffer.compare(entry.message.payload, message.payload) === 0;
  });
}

function hasRoom(turn: Turn, session: Session, count: number, bytes: number): boolean {
  const { queuedBytes, settings } = turn.data;
  const { items } = session;
  return (
    fits(turn, session, bytes, count) &&
    items.shown.size + count <= settings.queuedMessagesMax * share &&
    items.shownBytes + bytes <= settings.queuedBytesMax * share &&
    queuedBytes + bytes <= settings.clusterQueuedBytesMax * share
  );
}

function sum<Item>(items: readonly Item[], amount: (item: Item) => number): number {
  return items.reduce((total, item) => total + amount(item), 0);
}
