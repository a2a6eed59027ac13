import type { Subscription } from '@mqtt-cluster/contracts';
import { appendItem, deliveryOf, dequeue, fits, mayReceive, notifyHome } from '../session/queueing.ts';
import { bodyBytes } from '../bodies/message-bodies.ts';
import type { Session } from '../session/session.ts';
import type { ApplyContext } from '../state-data.ts';
import type { RetainedCursor } from './retained-cursor.ts';
import type { RetainedRecord } from './retained-messages.ts';
import { compareTopics } from './topic-tree.ts';
import { topicMatches } from './topic-names.ts';

/** Bounds on the retained messages in one session's queue. A higher bound saves `progress` entries. */
const queuedRetainedMax = 500;
const queuedRetainedBytesMax = 1024 * 1024;
/** The next messages are queued when the queue holds at most this many retained ones. */
const refillBelow = queuedRetainedMax / 2;
/**
 * Bound on the early topics of one cursor. At the bound, the retained message of a topic can follow a newer
 * message that was published without RETAIN.
 */
const earlyTopicsMax = 1_000;
/** Part of each queue bound that retained messages may use. The rest is left for published messages. */
const boundShare = 1 / 2;
/**
 * Bound on the nodes of the topic tree that the cursors of one log entry examine, about 10 ms. A higher bound
 * delays all members longer; a lower bound needs more `progress` entries for a filter with few matches.
 */
export const retainedNodesPerEntryMax = 10_000;

/**
 * Begins to queue the retained messages of QoS 1 and 2 for a subscription that requests them. A repeated
 * SUBSCRIBE begins again [MQTT-3.8.4-3]. There is no `queued` effect: the home delivers after SUBACK.
 */
export function beginRetained(context: ApplyContext, session: Session, subscription: Subscription): void {
  const { filter, qos } = subscription;
  session.retainedCursors.delete(filter);
  if (qos === 0) return;
  dropEarlierCopies(context, session, filter);
  const { index } = context.data;
  // A message that an earlier command of this entry retained has the same index as later ones. It is queued
  // now, and the cursor skips this index.
  for (const topic of new Set(context.retainedTopics)) {
    const record = context.data.retained.get(topic);
    if (record?.index === index && topicMatches(filter, topic))
      append(context, session, subscription, record);
  }
  session.retainedCursors.set(filter, { filter, index, after: null, early: new Set() });
  fillRetained(context, session);
}

/**
 * Queues the next retained messages of the session's cursors, in the order of the subscriptions and of the
 * topics, as far as the bounds allow.
 * @returns whether a message was queued
 */
export function fillRetained(context: ApplyContext, session: Session): boolean {
  const { items, retainedCursors } = session;
  if (retainedCursors.size === 0 || !session.home || items.retainedSize > refillBelow) return false;
  if (context.retainedVisits.nodesLeft <= 0) return false;
  const before = items.nextNumber;
  for (const cursor of retainedCursors.values()) {
    if (!advance(context, session, cursor)) break;
    retainedCursors.delete(cursor.filter);
  }
  return items.nextNumber > before;
}

/** Queues the next retained messages, and notifies the home when it can send or continue. */
export function refillRetained(context: ApplyContext, session: Session): void {
  const isFilled = fillRetained(context, session);
  if (isFilled || (session.retainedPending && context.retainedVisits.nodesLeft <= 0))
    notifyHome(context, session);
}

/**
 * Queues the retained message of a topic before a newer message on the same topic, if a cursor of the session
 * has not reached the topic yet [3.1.1 MQTT-4.6.0-6]. A newer message with RETAIN has replaced the retained one.
 * @param newer the room that the copies of the newer message need. The cluster has accepted this message, so
 *   it takes precedence.
 */
export function queueRetainedBefore(
  context: ApplyContext,
  session: Session,
  topic: string,
  newer: { readonly copies: number; readonly bytes: number },
): void {
  const { retained, timeMs } = context.data;
  const record = retained.get(topic);
  if (!record || (record.message.expiresAt ?? Infinity) <= timeMs) return;
  for (const cursor of session.retainedCursors.values()) {
    const { filter, index, after, early } = cursor;
    if (record.index >= index || early.has(topic) || early.size >= earlyTopicsMax) continue;
    if ((after !== null && compareTopics(topic, after) <= 0) || !topicMatches(filter, topic)) continue;
    if (!fits(context, session, bodyBytes(record.message) + newer.bytes, 1 + newer.copies)) continue;
    const subscription = session.subscriptions.get(filter);
    if (subscription) append(context, session, subscription, record);
    early.add(topic);
  }
}

/** @returns true when the cursor has passed its last message, false when it has to wait */
function advance(context: ApplyContext, session: Session, cursor: RetainedCursor): boolean {
  const { retained, timeMs } = context.data;
  const subscription = session.subscriptions.get(cursor.filter);
  if (!subscription) return true;
  let ended = true;
  const queue = (record: RetainedRecord): boolean => {
    const { topic } = record.message;
    if (record.index < cursor.index && !cursor.early.has(topic)) {
      if (!hasRoom(context, session, bodyBytes(record.message))) {
        ended = false;
        return false;
      }
      append(context, session, subscription, record);
    }
    cursor.early.delete(topic);
    cursor.after = topic;
    return true;
  };
  const budget = context.retainedVisits;
  const stoppedAt = retained.visitAfter(cursor.filter, cursor.after, timeMs, queue, {
    withoutQos0: true,
    budget,
  });
  if (stoppedAt === null) return ended;
  cursor.after = stoppedAt;
  return false;
}

function append(
  context: ApplyContext,
  session: Session,
  subscription: Subscription,
  { message, index }: RetainedRecord,
): void {
  const delivery = { ...deliveryOf(session, subscription, message), retain: true }; // [MQTT-3.3.1-8]
  if (delivery.qos === 0 || !mayReceive(subscription, session.client, message)) return;
  const body = context.data.bodies.add(message, undefined);
  appendItem(context, delivery, body, index);
}

function hasRoom(context: ApplyContext, session: Session, bytes: number): boolean {
  const { queuedBytes, settings } = context.data;
  const { items } = session;
  // An empty queue takes one message beyond all bounds. No acknowledgement would make the cursor continue
  // otherwise.
  if (items.size === 0) return true;
  return (
    items.retainedSize < Math.min(queuedRetainedMax, settings.queuedMessagesMax * boundShare) &&
    items.retainedBytes + bytes <= Math.min(queuedRetainedBytesMax, settings.queuedBytesMax * boundShare) &&
    queuedBytes + bytes <= settings.clusterQueuedBytesMax * boundShare &&
    fits(context, session, bytes, 1)
  );
}

/**
 * Removes the queued copies of retained messages from subscriptions of earlier connections, because the new
 * subscription queues the same messages again. Copies whose QoS 2 exchange has begun stay. Otherwise a client
 * that subscribes on each connection would receive each message several times.
 */
function dropEarlierCopies(context: ApplyContext, session: Session, filter: string): void {
  const { items, sentBelow, openedAt } = session;
  const connectionStart = Math.max(sentBelow, openedAt);
  for (const item of items.retainedItems()) {
    if (item.number >= connectionStart || item.packetId !== 0) continue;
    const { topic, payload } = item.message;
    if (!topicMatches(filter, topic)) continue;
    const record = context.data.retained.get(topic);
    // One log entry can set the retained message of a topic twice, so the payload is compared as well.
    const isSame =
      record?.index === item.retainedIndex && Buffer.compare(record.message.payload, payload) === 0;
    if (isSame) dequeue(context, session, item.number);
  }
}
