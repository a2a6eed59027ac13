import type { LogIndex, Message, QoS, Subscription } from '@mqtt-cluster/contracts';
import type { Session } from './session.ts';
import type { Body, QueueEntry } from './session-queue.ts';
import type { SharedGroup } from '../topics/shared-subscription.ts';
import type { Turn } from '../state-data.ts';

/** What one session is to get of one message. */
export interface Delivery {
  readonly session: Session;
  qos: QoS;
  retain: boolean;
  identifiers: number[] | undefined;
  readonly group: SharedGroup | undefined;
}

export function deliveryOf(
  session: Session,
  subscription: Subscription,
  message: Message,
  group?: SharedGroup,
): Delivery {
  const { subscriptionIdentifier } = subscription;
  return {
    session,
    qos: grantedQos(subscription, message), // [MQTT-3.8.4-8]
    retain: message.retain && subscription.retainAsPublished === true, // [MQTT-3.3.1-12]
    identifiers: subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier],
    group,
  };
}

export function grantedQos(subscription: Subscription, message: Message): QoS {
  return subscription.qos < message.qos ? subscription.qos : message.qos;
}

/** Another subscription of the same session takes in the same message: one copy, at the maximum QoS. */
export function mergeDelivery(delivery: Delivery, subscription: Subscription, message: Message): void {
  const qos = grantedQos(subscription, message);
  if (qos > delivery.qos) delivery.qos = qos;
  if (message.retain && subscription.retainAsPublished) delivery.retain = true;
  const { subscriptionIdentifier } = subscription;
  if (subscriptionIdentifier === undefined) return;
  const identifiers = delivery.identifiers ?? [];
  if (!identifiers.includes(subscriptionIdentifier)) identifiers.push(subscriptionIdentifier);
  // The order in which subscriptions are found says nothing.
  delivery.identifiers = identifiers.sort((left, right) => left - right);
}

/** What a queue's bounds count of a message. */
export function bodyBytes(message: Message): number {
  return message.payload.length + Buffer.byteLength(message.topic);
}

/** Appends within the session's bounds. @param force beyond them rather than not at all, unless the oldest goes. */
export function enqueue(turn: Turn, delivery: Delivery, body: Body, force: boolean): void {
  const { session } = delivery;
  const { data } = turn;
  const refuses = data.settings.queueFull === 'refuse';
  if (!fits(turn, session, body.bytes, 1) && !(refuses && force) && !makeRoom(turn, session, body)) {
    turn.droppedQueueFull++;
    return;
  }
  appendUntold(turn, delivery, body);
  tellQueued(turn, session);
}

/**
 * Whatever the bounds, and telling nobody.
 * @param retainedIndex see `QueueEntry`
 */
export function appendUntold(
  { data }: Turn,
  delivery: Delivery,
  body: Body,
  retainedIndex: LogIndex = 0,
): void {
  const { session, qos, retain, identifiers, group } = delivery;
  data.keepBody(body);
  session.items.append(body, qos, retain, identifiers, group?.key, retainedIndex);
  if (delivery.qos === 2) session.items.fillWindow(session.receiveMaximum);
}

/** Whether `count` more items of together `bytes` are within the session's bounds. */
export function fits(turn: Turn, session: Session, bytes: number, count: number): boolean {
  const bounds = boundsOf(turn, session);
  return session.items.size + count <= bounds.messages && session.items.bytes + bytes <= bounds.bytes;
}

/** Who is connected has more room, and what it carried away does not count against the bounds of who is away. */
function boundsOf(turn: Turn, session: Session): { messages: number; bytes: number } {
  const { settings } = turn.data;
  const { queuedMessagesMax: messages, queuedBytesMax: bytes } = settings;
  if (session.home) {
    return {
      messages: Math.max(messages, settings.connectedQueuedMessagesMax),
      bytes: Math.max(bytes, settings.connectedQueuedBytesMax),
    };
  }
  return { messages: messages + session.carriedMessages, bytes: bytes + session.carriedBytes };
}

/** Drops the oldest, except QoS 2 exchanges under way. @returns whether there is room now. */
function makeRoom(turn: Turn, session: Session, body: Body): boolean {
  if (body.bytes > boundsOf(turn, session).bytes) return false;
  while (!fits(turn, session, body.bytes, 1)) {
    const oldest = session.items.oldestDroppable();
    if (!oldest) return false;
    dequeue(turn, session, oldest);
    turn.droppedQueueFull++;
  }
  return true;
}

export function dequeue(turn: Turn, session: Session, entry: QueueEntry): void {
  session.items.remove(entry);
  turn.data.releaseBody(entry.body);
}

/** Once per entry and session, and only when there is a home to hear it. */
export function tellQueued(turn: Turn, session: Session): void {
  if (!session.home || session.toldIn === turn.data.applies) return;
  session.toldIn = turn.data.applies;
  turn.effects.push({ kind: 'queued', client: session.client });
}

/**
 * Gives a group's items that this session has not begun as QoS 2 to other members of the group, in their order
 * (MQTT 5, 4.8.2). The session must not be a candidate any more.
 * @returns how many of them nobody took.
 */
export function passOnGroupItems(
  turn: Turn,
  session: Session,
  wanted: (group: string) => boolean,
  connectedOnly: boolean,
): number {
  const { groups } = turn.data;
  let left = 0;
  for (const entry of [...session.items.from(0)]) {
    if (entry.group === undefined || entry.packetId !== 0 || !wanted(entry.group)) continue;
    const group = groups.get(entry.group);
    const choice = group?.choose(entry.message.qos, connectedOnly);
    if (!group || !choice || choice.session === session) {
      left++;
      continue;
    }
    group.advance();
    const delivery = deliveryOf(choice.session, choice.subscription, entry.message, group);
    // The body's count stays above zero meanwhile, so the cluster's total does not move.
    enqueue(turn, delivery, entry.body, true);
    dequeue(turn, session, entry);
  }
  return left;
}
