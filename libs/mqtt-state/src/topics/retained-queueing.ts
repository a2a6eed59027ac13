import { retainedQueuedSemantics } from '@mqtt-cluster/contracts';
import type { Subscription } from '@mqtt-cluster/contracts';
import { appendItem, bodyBytes, deliveryOf, dequeue, fits } from '../session/queueing.ts';
import type { Delivery } from '../session/queueing.ts';
import type { RetainedRecord } from './retained-messages.ts';
import type { Session } from '../session/session.ts';
import type { MessageBody, QueuedMessage } from '../session/queued-message.ts';
import type { ApplyContext } from '../state-data.ts';
import { parseSharedFilter } from './topic-names.ts';

/** Of the bounds of an absent session, and of the cluster: the rest is for what is published. */
const share = 1 / 2;

/** Whether the server sends what is retained (MQTT 5, 3.8.3.1); never to a shared subscription (4.8.2). */
export function asksForRetained({ filter, retainHandling = 0 }: Subscription, isNew: boolean): boolean {
  return parseSharedFilter(filter) === null && (retainHandling === 0 || (retainHandling === 1 && isNew));
}

/**
 * What is retained outlives the home that would send it, like anything else in the queue (ADR 6). All or nothing: what
 * would take more than its share of a bound is left to the home, whose loss it does not survive.
 * @returns whether the queue has it now. Its home is not told: the answer does that, after SUBACK.
 */
export function queueRetained(
  context: ApplyContext,
  session: Session,
  subscription: Subscription,
  isNew: boolean,
): boolean {
  if (context.semantics < retainedQueuedSemantics || !asksForRetained(subscription, isNew)) return false;
  const wanted = wantedBy(context, session, subscription);
  if (wanted === null) return false;
  const former = formerCopies(session, wanted);
  const bytes =
    sum(wanted, ({ record }) => bodyBytes(record.message)) - sum(former, ({ body }) => body.bytes);
  if (!hasRoom(context, session, wanted.length - former.length, bytes)) return false;
  for (const record of former) dequeue(context, session, record);
  for (const { record, delivery } of wanted) {
    const { message, index } = record;
    const body: MessageBody = { message, origin: undefined, bytes: bodyBytes(message), references: 0 };
    appendItem(context, delivery, body, index);
  }
  return true;
}

interface Wanted {
  readonly record: RetainedRecord;
  readonly delivery: Delivery;
}

/** In the order of the log: that of the tree is another one after a snapshot. Null: too many in any case. */
function wantedBy({ data }: ApplyContext, session: Session, subscription: Subscription): Wanted[] | null {
  const { retained, settings, timeMs } = data;
  const most = settings.queuedMessagesMax * share;
  const wanted: Wanted[] = [];
  retained.visit(subscription.filter, timeMs, (record) => {
    if (wanted.length > most) return;
    const delivery = { ...deliveryOf(session, subscription, record.message), retain: true };
    if (delivery.qos > 0) wanted.push({ record, delivery });
  });
  if (wanted.length > most) return null;
  return wanted.sort(({ record: left }, { record: right }) => {
    if (left.index !== right.index) return left.index - right.index;
    return left.message.topic < right.message.topic ? -1 : 1;
  });
}

/**
 * The same that a former connection's subscription was shown, and nobody has begun as QoS 2, gives way: who subscribes on
 * each connection would fill its queue with it.
 */
function formerCopies({ items, sentBelow }: Session, wanted: readonly Wanted[]): QueuedMessage[] {
  if (items.retainedItems.size === 0) return [];
  const entries = new Map(wanted.map(({ record }) => [record.message.topic, record]));
  return [...items.retainedItems].filter(({ number, packetId, message, retainedIndex }) => {
    if (number >= sentBelow || packetId !== 0) return false;
    const record = entries.get(message.topic);
    // One record of the log may set a topic twice.
    return record?.index === retainedIndex && Buffer.compare(record.message.payload, message.payload) === 0;
  });
}

function hasRoom(context: ApplyContext, session: Session, count: number, bytes: number): boolean {
  const { queuedBytes, settings } = context.data;
  const { items } = session;
  return (
    fits(context, session, bytes, count) &&
    items.retainedItems.size + count <= settings.queuedMessagesMax * share &&
    items.retainedBytes + bytes <= settings.queuedBytesMax * share &&
    queuedBytes + bytes <= settings.clusterQueuedBytesMax * share
  );
}

function sum<Item>(items: readonly Item[], amount: (item: Item) => number): number {
  return items.reduce((total, item) => total + amount(item), 0);
}
