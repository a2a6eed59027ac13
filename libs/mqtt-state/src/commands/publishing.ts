import { accessSemantics, conformanceSemantics } from '@mqtt-cluster/contracts';
import type { LogIndex, Message, MemberId } from '@mqtt-cluster/contracts';
import { messageBytes } from '../bounds/sizes.ts';
import { composeMessage, copyMessage } from '../codec/message-codec.ts';
import { deliveryOf, enqueue, fits, mayReceive, mergeDelivery } from '../session/queueing.ts';
import type { Delivery } from '../session/queueing.ts';
import { expiryNever } from '../session/session.ts';
import type { Session } from '../session/session.ts';
import { bodyBytes } from '../bodies/message-bodies.ts';
import type { Origin } from '../bodies/body-content.ts';
import { hasShare } from '../session/queue-share.ts';
import { alarm } from '../state-data.ts';
import type { StateData, ApplyContext } from '../state-data.ts';
import { isWithinRetainedBounds } from '../topics/retained-bounds.ts';
import { tombstoneBytesMaxOf } from '../topics/retained-messages.ts';
import { queueRetainedBefore } from '../topics/retained-cursors.ts';
import { isValidTopicName } from '../topics/topic-names.ts';

/** The origin of a published message. */
export interface PublishSource {
  /** The member that proposed the publish. Null for a will. */
  readonly member: MemberId | null;
  readonly origin: Origin | undefined;
  /**
   * True when the message is published even if a bound is reached, because it is a will or has a degraded
   * acknowledgement.
   */
  readonly force: boolean;
  readonly isolatedSince: LogIndex | undefined;
  /**
   * True when the client has replaced the connection of this message. The message then changes no retained
   * message.
   */
  readonly superseded?: boolean;
  /** The user of a will. Absent: the user of the publisher's session. */
  readonly owner?: string | null;
}

/**
 * Payload bytes from which on a queued message is hashed when it enters the state, ahead of the next digest. Smaller ones
 * leave their queues soon, and most of them before a digest.
 */
const largePayloadBytes = 512;

/** The deliveries of a message that no subscription matches. */
const noDeliveries: readonly Delivery[] = [];

/**
 * `unmatched`: the message is published, but no persistent session and no shared subscription matches its topic.
 * Clean sessions are not part of the replicated state.
 */
export type PublishOutcome = 'refused' | 'matched' | 'unmatched';

/**
 * Publishes a message: queues it for all matching sessions, and sets or clears the retained message of its
 * topic.
 * @returns `refused` if a bound rejects the message; the state is then unchanged
 */
export function publishMessage(
  context: ApplyContext,
  published: Message,
  publisher: string | undefined,
  source: PublishSource,
): PublishOutcome {
  const { data } = context;
  if (!isValidTopicName(published.topic)) {
    alarm(context, `message ignored: ${JSON.stringify(published.topic)} is not a valid topic name`);
    return 'refused';
  }
  const message = withPublisherAndExpiry(context, published, publisher);
  const deliveries = message.qos === 0 ? noDeliveries : findDeliveries(data, message);
  const owner = message.retain ? (source.owner ?? ownerOf(data, message.publisher)) : null;
  let setsRetained = message.retain && mayChangeRetained(data, message, source);
  if (setsRetained && !mayRetain(context, message, owner, source)) {
    if (!publishesUnretained(context, message, source)) return 'refused';
    setsRetained = false;
    context.effects.push({ kind: 'dropped', reason: 'retainedLimit', count: 1 });
  }
  if (!source.force && !withinBounds(context, message, deliveries)) return 'refused';

  const isKept = deliveries.length > 0 || (setsRetained && message.payload.length > 0);
  const kept = isKept ? copyMessage(message) : message;
  if (setsRetained) changeRetained(context, kept, owner, source);
  if (deliveries.length > 0) enqueueAll(context, kept, deliveries, source);
  const { origin } = source;
  context.effects.push({
    kind: 'published',
    message: kept,
    member: source.member,
    storeId: origin?.storeId ?? null,
    incarnation: origin?.incarnation ?? 0,
    sequence: origin?.sequence ?? 0,
    command: origin?.command ?? 0,
  });
  return deliveries === noDeliveries && message.qos > 0 ? 'unmatched' : 'matched';
}

/**
 * Returns the message with its publisher and its expiry in cluster time. The expiry counts from the time at
 * which the home received the message, but never from a time after the entry.
 */
function withPublisherAndExpiry(
  context: ApplyContext,
  message: Message,
  client: string | undefined,
): Message {
  const publisher = message.publisher ?? client;
  const expiresAt = expiryOf(context, message);
  if (message.publisher === publisher && message.expiresAt === expiresAt) return message;
  const { topic, payload, qos, retain, properties } = message;
  return composeMessage(topic, payload, qos, retain, properties, publisher, expiresAt);
}

function expiryOf({ data, semantics }: ApplyContext, message: Message): number | undefined {
  const interval = message.properties?.messageExpiryInterval;
  if (interval === undefined) return undefined;
  const fromEntry = data.timeMs + Math.min(interval, expiryNever) * 1_000;
  const fromHome = semantics < conformanceSemantics ? undefined : message.expiresAt;
  return fromHome === undefined ? fromEntry : Math.min(fromHome, fromEntry);
}

function findDeliveries(data: StateData, message: Message): readonly Delivery[] {
  const matches = data.subscriptions.matches(message.topic);
  const sharedMatches =
    data.sharedSubscriptionTrie.size === 0 ? [] : data.sharedSubscriptionTrie.matches(message.topic);
  if (matches.length === 0 && sharedMatches.length === 0) return noDeliveries;
  const bySession = new Map<Session, Delivery>();
  for (const { session, subscription } of matches) {
    if (!mayReceive(subscription, session.client, message)) continue;
    const known = bySession.get(session);
    if (known) mergeDelivery(known, subscription, message);
    else bySession.set(session, deliveryOf(session, subscription, message));
  }
  // The home of a session delivers QoS 0 messages itself, so they are not queued.
  const deliveries = [...bySession.values()].filter((delivery) => delivery.qos > 0);
  const ordered =
    sharedMatches.length > 1 ? [...sharedMatches].sort((a, b) => (a.key < b.key ? -1 : 1)) : sharedMatches;
  for (const shared of ordered) {
    const choice = shared.chooseSession(message.qos);
    if (choice) deliveries.push(deliveryOf(choice.session, choice.subscription, message, shared));
  }
  return deliveries;
}

function mayChangeRetained(data: StateData, message: Message, source: PublishSource): boolean {
  if (source.superseded) return false;
  if (source.isolatedSince === undefined) return true;
  return data.retained.unchangedSince(message.topic, source.isolatedSince, source.origin?.storeId ?? null);
}

/**
 * Returns whether the bounds permit the retained message. A message with a degraded acknowledgement is retained
 * beyond them, because its publisher has the acknowledgement.
 */
function mayRetain(
  context: ApplyContext,
  message: Message,
  owner: string | null,
  source: PublishSource,
): boolean {
  if (message.payload.length === 0) return true;
  if (source.force && (context.semantics < accessSemantics || source.member !== null)) return true;
  return isWithinRetainedBounds(context, message, owner);
}

/**
 * Returns whether a message is published although it is not retained: a will, and a message of QoS 0, whose
 * publisher gets no answer. Older semantics versions ignore the QoS 0 message.
 */
function publishesUnretained(
  { semantics }: ApplyContext,
  { qos }: Message,
  { force }: PublishSource,
): boolean {
  return semantics >= accessSemantics && (force || qos === 0);
}

/** Returns whether the queues of the sessions take the message. */
function withinBounds(context: ApplyContext, message: Message, deliveries: readonly Delivery[]): boolean {
  const { settings, queuedBytes } = context.data;
  if (deliveries.length === 0) return true;
  const bytes = bodyBytes(message);
  if (context.semantics < accessSemantics && queuedBytes + bytes > settings.clusterQueuedBytesMax)
    return false;
  if (settings.queueFull !== 'refuse') return true;
  const copies = new Map<Session, number>();
  const body = { bytes, memory: messageBytes(message) };
  return deliveries.every(({ session }) => {
    const count = (copies.get(session) ?? 0) + 1;
    copies.set(session, count);
    return fits(context, session, bytes * count, count) && hasShare(context, session, body, count);
  });
}

function ownerOf({ sessions }: StateData, publisher: string | undefined): string | null {
  return publisher === undefined ? null : (sessions.get(publisher)?.owner ?? null);
}

function changeRetained(
  context: ApplyContext,
  message: Message,
  owner: string | null,
  source: PublishSource,
): void {
  const { data, retainedTopics } = context;
  const isolatedWriter = source.isolatedSince === undefined ? null : (source.origin?.storeId ?? null);
  const change = { index: data.index, isolatedWriter };
  if (message.payload.length === 0)
    data.retained.clear(message.topic, change, tombstoneBytesMaxOf(context.semantics)); // [MQTT-3.3.1-6]
  else {
    data.retained.set({ message, ...change, owner: context.semantics < accessSemantics ? null : owner });
    retainedTopics.push(message.topic);
    context.newRetained.push(message);
  }
}

function enqueueAll(
  context: ApplyContext,
  message: Message,
  deliveries: readonly Delivery[],
  source: PublishSource,
): void {
  const { expiresAt = Infinity } = message;
  // The message expired while it waited at its home [MQTT-3.3.2-5]. Older versions queue it nevertheless.
  if (context.semantics >= conformanceSemantics && expiresAt <= context.data.timeMs) {
    for (const { session } of deliveries) session.dropped++;
    context.effects.push({ kind: 'dropped', reason: 'expired', count: deliveries.length });
    return;
  }
  const { bodies } = context.data;
  const body = bodies.add(message, source.origin);
  if (message.payload.length >= largePayloadBytes) bodies.hash(body);
  for (const delivery of deliveries) {
    const { session, shared } = delivery;
    shared?.advance();
    if (session.retainedCursors.size > 0) {
      const copies = copiesMax(deliveries);
      queueRetainedBefore(context, session, message.topic, { copies, bytes: copies * bodies.bytesOf(body) });
    }
    enqueue(context, delivery, body, source.force);
  }
}

/** Returns an upper bound of the copies for one session: one, and one for each shared subscription. */
function copiesMax(deliveries: readonly Delivery[]): number {
  let first = deliveries.length;
  // The deliveries of shared subscriptions come last.
  while (first > 0 && deliveries[first - 1]?.shared) first--;
  return 1 + deliveries.length - first;
}
