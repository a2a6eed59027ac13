import { conformanceSemantics, retainedQueuedSemantics } from '@mqtt-cluster/contracts';
import type { Subscription } from '@mqtt-cluster/contracts';
import { appendItem, deliveryOf, dequeue, fits } from '../session/queueing.ts';
import type { Delivery } from '../session/queueing.ts';
import { beginRetained } from './retained-cursors.ts';
import type { RetainedRecord } from './retained-messages.ts';
import type { Session } from '../session/session.ts';
import { bodyBytes } from '../bodies/message-bodies.ts';
import type { QueuedMessage } from '../session/queued-message.ts';
import type { ApplyContext } from '../state-data.ts';
import { parseSharedFilter } from './topic-names.ts';

/**
 * Part of each queue bound that retained messages may use. The rest of the bound is left for published
 * messages.
 */
const boundShare = 1 / 2;

/**
 * Returns whether the server sends retained messages for a subscription. The Retain Handling decides (MQTT 5,
 * 3.8.3.1); a shared subscription gets no retained messages (4.8.2).
 * @param isNew whether the session had no subscription of the same filter
 */
export function asksForRetained({ filter, retainHandling = 0 }: Subscription, isNew: boolean): boolean {
  return parseSharedFilter(filter) === null && (retainHandling === 0 || (retainHandling === 1 && isNew));
}

/**
 * Queues the matching retained messages of QoS 1 and 2, so that they survive the loss of the home. There is no
 * `queued` effect: the home delivers them after SUBACK.
 * @returns whether the state queues the messages. Otherwise the home sends them itself.
 */
export function queueRetained(
  context: ApplyContext,
  session: Session,
  subscription: Subscription,
  isNew: boolean,
): boolean {
  if (context.semantics < retainedQueuedSemantics || !asksForRetained(subscription, isNew)) return false;
  if (context.semantics < conformanceSemantics) return queueAllOrNothing(context, session, subscription);
  beginRetained(context, session, subscription);
  return true;
}

/**
 * Semantics version 2: if the messages need more than their part of a bound, nothing is queued
 * (docs/adr/0006-retained-is-queued-at-subscription.md).
 */
function queueAllOrNothing(context: ApplyContext, session: Session, subscription: Subscription): boolean {
  const deliveries = matchingDeliveries(context, session, subscription);
  if (deliveries === null) return false;
  const replaced = replaceableItems(session, deliveries);
  const bytes =
    sum(deliveries, ({ record }) => bodyBytes(record.message)) -
    sum(replaced, ({ body }) => context.data.bodies.bytesOf(body));
  if (!hasRoom(context, session, deliveries.length - replaced.length, bytes)) return false;
  for (const { number } of replaced) dequeue(context, session, number);
  for (const { record, delivery } of deliveries) {
    const { message, index } = record;
    const body = context.data.bodies.add(message, undefined);
    appendItem(context, delivery, body, index);
  }
  return true;
}

interface RetainedDelivery {
  readonly record: RetainedRecord;
  readonly delivery: Delivery;
}

/**
 * Returns the matching retained messages in the order of the log, because the order of the topic tree can
 * differ after a snapshot. Returns null if there are more messages than the bound allows.
 */
function matchingDeliveries(
  { data }: ApplyContext,
  session: Session,
  subscription: Subscription,
): RetainedDelivery[] | null {
  const { retained, settings, timeMs } = data;
  const countMax = settings.queuedMessagesMax * boundShare;
  const deliveries: RetainedDelivery[] = [];
  retained.visit(subscription.filter, timeMs, (record) => {
    if (deliveries.length > countMax) return;
    const delivery = { ...deliveryOf(session, subscription, record.message), retain: true };
    if (delivery.qos > 0) deliveries.push({ record, delivery });
  });
  if (deliveries.length > countMax) return null;
  return deliveries.sort(({ record: left }, { record: right }) => {
    if (left.index !== right.index) return left.index - right.index;
    return left.message.topic < right.message.topic ? -1 : 1;
  });
}

/**
 * Returns the queued copies of the same retained messages from a subscription of an earlier connection,
 * except copies whose QoS 2 exchange has begun. The new copies replace them. Otherwise a client that
 * subscribes on each connection would fill its queue.
 */
function replaceableItems(
  { items, sentBelow }: Session,
  deliveries: readonly RetainedDelivery[],
): QueuedMessage[] {
  if (items.retainedSize === 0) return [];
  const records = new Map(deliveries.map(({ record }) => [record.message.topic, record]));
  return items.retainedItems().filter(({ number, packetId, message, retainedIndex }) => {
    if (number >= sentBelow || packetId !== 0) return false;
    const record = records.get(message.topic);
    // One log entry can set the retained message of a topic twice, so the payload is compared as well.
    return record?.index === retainedIndex && Buffer.compare(record.message.payload, message.payload) === 0;
  });
}

function hasRoom(context: ApplyContext, session: Session, count: number, bytes: number): boolean {
  const { queuedBytes, settings } = context.data;
  const { items } = session;
  return (
    fits(context, session, bytes, count) &&
    items.retainedSize + count <= settings.queuedMessagesMax * boundShare &&
    items.retainedBytes + bytes <= settings.queuedBytesMax * boundShare &&
    queuedBytes + bytes <= settings.clusterQueuedBytesMax * boundShare
  );
}

function sum<Item>(items: readonly Item[], amount: (item: Item) => number): number {
  return items.reduce((total, item) => total + amount(item), 0);
}
