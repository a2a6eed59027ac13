import { handoverSemantics } from '@mqtt-cluster/contracts';
import type { ClientId, LogIndex, Message, QoS, Subscription } from '@mqtt-cluster/contracts';
import { dequeue } from './dequeuing.ts';
import { makeShare } from './queue-share.ts';
import { scheduleExpiry } from './queue-expiry.ts';
import type { BodyId } from '../bodies/body-content.ts';
import type { Session } from './session.ts';
import type { SharedSubscription } from '../topics/shared-subscription.ts';
import type { ApplyContext } from '../state-data.ts';

export { dequeue } from './dequeuing.ts';

/** How one session receives one message. */
export interface Delivery {
  readonly session: Session;
  qos: QoS;
  retain: boolean;
  identifiers: number[] | undefined;
  readonly shared: SharedSubscription | undefined;
}

/**
 * Returns false for a message that the subscription's own client published, if the subscription has No Local
 * [MQTT-3.8.3-3]. A bridge that connects again would otherwise receive the values that it has sent itself.
 */
export function mayReceive(subscription: Subscription, client: ClientId, message: Message): boolean {
  return subscription.noLocal !== true || message.publisher !== client;
}

/** Returns the delivery for one matching subscription. */
export function deliveryOf(
  session: Session,
  subscription: Subscription,
  message: Pick<Message, 'qos' | 'retain'>,
  shared?: SharedSubscription,
): Delivery {
  const { subscriptionIdentifier } = subscription;
  return {
    session,
    qos: grantedQos(subscription, message), // [MQTT-3.8.4-8]
    retain: message.retain && subscription.retainAsPublished === true, // [MQTT-3.3.1-12]
    identifiers: subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier],
    shared,
  };
}

function grantedQos(subscription: Subscription, message: Pick<Message, 'qos'>): QoS {
  return subscription.qos < message.qos ? subscription.qos : message.qos;
}

/** Adds another matching subscription of the same session: the session gets one copy, at the maximum QoS. */
export function mergeDelivery(delivery: Delivery, subscription: Subscription, message: Message): void {
  const qos = grantedQos(subscription, message);
  if (qos > delivery.qos) delivery.qos = qos;
  if (message.retain && subscription.retainAsPublished) delivery.retain = true;
  const { subscriptionIdentifier } = subscription;
  if (subscriptionIdentifier === undefined) return;
  const identifiers = delivery.identifiers ?? [];
  if (!identifiers.includes(subscriptionIdentifier)) identifiers.push(subscriptionIdentifier);
  // The order in which the trie finds subscriptions is not replicated.
  delivery.identifiers = identifiers.sort((left, right) => left - right);
}

/**
 * Appends a message to the session's queue. At the bound, the oldest messages are dropped if `queueFull`
 * allows it. If the queue still has no room, the new message is dropped. At the bound of the cluster, the
 * largest queue loses its oldest messages.
 * @param force the message is appended even beyond the bound where `queueFull` is `refuse`
 */
export function enqueue(context: ApplyContext, delivery: Delivery, body: BodyId, force: boolean): void {
  const { session } = delivery;
  const { data } = context;
  const isForced = force && data.settings.queueFull === 'refuse';
  if (
    !fits(context, session, data.bodies.bytesOf(body), 1) &&
    !isForced &&
    !makeRoom(context, session, body)
  ) {
    context.droppedAtBound++;
    session.dropped++;
    return;
  }
  if (!isForced && !makeShare(context, session, body)) {
    context.droppedAtShare++;
    session.dropped++;
    return;
  }
  appendItem(context, delivery, body);
  notifyHome(context, session);
}

/**
 * Appends a message to the session's queue, even beyond the bounds, and adds no `queued` effect.
 * @param retainedIndex see {@link QueuedMessage.retainedIndex}
 */
export function appendItem(
  { data }: ApplyContext,
  delivery: Delivery,
  body: BodyId,
  retainedIndex: LogIndex = 0,
): void {
  const { session, qos, retain, identifiers, shared } = delivery;
  data.keepBody(session, body);
  const fields = { qos, retain, subscriptionIdentifiers: identifiers, group: shared?.key, retainedIndex };
  const number = session.items.append(body, fields);
  data.queueHolders?.update(session);
  scheduleExpiry(data, session, number, body);
  if (delivery.qos === 2) session.items.fillWindow(session.receiveMaximum);
}

/** Returns whether the session's queue has room for `count` more items with `bytes` in total. */
export function fits(context: ApplyContext, session: Session, bytes: number, count: number): boolean {
  const bounds = queueBounds(context, session);
  return session.items.size + count <= bounds.messages && session.items.bytes + bytes <= bounds.bytes;
}

/**
 * Returns the bounds of the session's queue. A connected session has larger bounds. For a disconnected
 * session, the messages that were queued at the disconnect are added to the bounds.
 */
function queueBounds(context: ApplyContext, session: Session): { messages: number; bytes: number } {
  const { settings } = context.data;
  const { queuedMessagesMax: messages, queuedBytesMax: bytes } = settings;
  if (session.home) {
    return {
      messages: Math.max(messages, settings.connectedQueuedMessagesMax),
      bytes: Math.max(bytes, settings.connectedQueuedBytesMax),
    };
  }
  return { messages: messages + session.messagesAtDisconnect, bytes: bytes + session.bytesAtDisconnect };
}

/** Drops the oldest messages, except QoS 2 exchanges in progress. @returns whether the message fits now */
function makeRoom(context: ApplyContext, session: Session, body: BodyId): boolean {
  const bytes = context.data.bodies.bytesOf(body);
  if (bytes > queueBounds(context, session).bytes) return false;
  while (!fits(context, session, bytes, 1)) {
    const oldest = session.items.oldestDroppable();
    if (!oldest) return false;
    dequeue(context, session, oldest.number);
    context.droppedAtBound++;
    session.dropped++;
  }
  return true;
}

/** Adds a `queued` effect for the session's home: at most one for each log entry and session. */
export function notifyHome(context: ApplyContext, session: Session): void {
  if (!session.home || session.notifiedInApply === context.data.applyCount) return;
  session.notifiedInApply = context.data.applyCount;
  context.effects.push({ kind: 'queued', client: session.client });
}

/**
 * Moves the items of shared subscriptions from this session to other sessions of the same shared
 * subscription, in order (MQTT 5, 4.8.2). Items whose QoS 2 exchange has begun stay. The caller must already
 * have removed this session from the shared subscription or marked it as disconnected.
 * @param wanted selects the shared subscriptions by their filter
 * @returns the number of items that stayed because there is no other session, without those that a move displaced
 */
export function reassignSharedItems(
  context: ApplyContext,
  session: Session,
  wanted: (sharedFilter: string) => boolean,
  connectedOnly: boolean,
): number {
  const { sharedSubscriptions, bodies } = context.data;
  const { items } = session;
  const left: number[] = [];
  for (const number of items.numbersWithGroup(wanted)) {
    // At the bound of the cluster an earlier move can displace a later item of this session.
    const item = items.find(number);
    if (item?.group === undefined || item.packetId !== 0) continue;
    const { body } = item;
    const message = { qos: bodies.qosOf(body), retain: bodies.retainOf(body) };
    const shared = sharedSubscriptions.get(item.group);
    const choice = shared?.chooseSession(message.qos, connectedOnly);
    if (!shared || !choice || choice.session === session) {
      left.push(number);
      continue;
    }
    shared.advance();
    const delivery = deliveryOf(choice.session, choice.subscription, message, shared);
    // Before this version the message needs room twice, so at the bound it can displace itself.
    if (context.semantics >= handoverSemantics) dequeue(context, session, number);
    enqueue(context, delivery, body, true);
    dequeue(context, session, number);
  }
  return left.filter((number) => items.has(number)).length;
}
