import type { LogIndex, Message, MemberId } from '@mqtt-cluster/contracts';
import { composeMessage, copyMessage } from '../codec/message-codec.ts';
import { bodyBytes, deliveryOf, enqueue, fits, mergeDelivery } from '../session/queueing.ts';
import type { Delivery } from '../session/queueing.ts';
import { expiryNever } from '../session/session.ts';
import type { Session } from '../session/session.ts';
import type { MessageBody, Origin } from '../session/queued-message.ts';
import { alarm } from '../state-data.ts';
import type { StateData, ApplyContext } from '../state-data.ts';
import { isValidTopicName } from '../topics/topic-names.ts';

export interface PublishSource {
  /** Null for the cluster's own: a will. */
  readonly member: MemberId | null;
  readonly origin: Origin | undefined;
  /** Never refused: it was acknowledged without a majority, or noDeliveries is there to hear a refusal. */
  readonly force: boolean;
  readonly isolatedSince: LogIndex | undefined;
  /** From a connection that its client has replaced: changes nothing that is retained. */
  readonly superseded?: boolean;
}

const noDeliveries: readonly Delivery[] = [];

/** @returns false when a bound refuses it; nothing has changed then. */
export function publishMessage(
  context: ApplyContext,
  published: Message,
  publisher: string | undefined,
  source: PublishSource,
): boolean {
  const { data } = context;
  if (!isValidTopicName(published.topic)) {
    alarm(context, `A message with the invalid topic ${JSON.stringify(published.topic)} was left out.`);
    return false;
  }
  const message = withPublisherAndExpiry(published, publisher, data.timeMs);
  const deliveries = message.qos === 0 ? noDeliveries : findDeliveries(data, message);
  const setsRetained = message.retain && mayChangeRetained(data, message, source);
  if (!source.force && !withinBounds(context, message, deliveries, setsRetained)) return false;

  const kept = deliveries.length > 0 || (setsRetained && message.payload.length > 0);
  const shared = kept ? copyMessage(message) : message;
  if (setsRetained) changeRetained(data, shared, source);
  if (deliveries.length > 0) enqueueAll(context, shared, deliveries, source);
  const { origin } = source;
  context.effects.push({
    kind: 'published',
    message: shared,
    member: source.member,
    storeId: origin?.storeId ?? null,
    incarnation: origin?.incarnation ?? 0,
    sequence: origin?.sequence ?? 0,
    command: origin?.command ?? 0,
  });
  return true;
}

/** With its publisher and the cluster time of its expiry, whatever the command said of the latter. */
function withPublisherAndExpiry(message: Message, client: string | undefined, timeMs: number): Message {
  const publisher = message.publisher ?? client;
  const interval = message.properties?.messageExpiryInterval;
  const expiresAt = interval === undefined ? undefined : timeMs + Math.min(interval, expiryNever) * 1_000;
  if (message.publisher === publisher && message.expiresAt === expiresAt) return message;
  const { topic, payload, qos, retain, properties } = message;
  return composeMessage(topic, payload, qos, retain, properties, publisher, expiresAt);
}

function findDeliveries(data: StateData, message: Message): readonly Delivery[] {
  const matches = data.subscriptions.matches(message.topic);
  const groups =
    data.sharedSubscriptionTrie.size === 0 ? [] : data.sharedSubscriptionTrie.matches(message.topic);
  if (matches.length === 0 && groups.length === 0) return noDeliveries;
  const bySession = new Map<Session, Delivery>();
  for (const { session, subscription } of matches) {
    // [MQTT-3.8.3-3]
    if (subscription.noLocal && session.client === message.publisher) continue;
    const known = bySession.get(session);
    if (known) mergeDelivery(known, subscription, message);
    else bySession.set(session, deliveryOf(session, subscription, message));
  }
  // QoS 0 to a session is its home's own affair.
  const deliveries = [...bySession.values()].filter((delivery) => delivery.qos > 0);
  const ordered = groups.length > 1 ? [...groups].sort((a, b) => (a.key < b.key ? -1 : 1)) : groups;
  for (const group of ordered) {
    const choice = group.chooseSession(message.qos);
    if (choice) deliveries.push(deliveryOf(choice.session, choice.subscription, message, group));
  }
  return deliveries;
}

function mayChangeRetained(data: StateData, message: Message, source: PublishSource): boolean {
  if (source.superseded) return false;
  if (source.isolatedSince === undefined) return true;
  return data.retained.unchangedSince(message.topic, source.isolatedSince, source.origin?.storeId ?? null);
}

function withinBounds(
  context: ApplyContext,
  message: Message,
  deliveries: readonly Delivery[],
  setsRetained: boolean,
): boolean {
  const { settings, retained, queuedBytes } = context.data;
  if (setsRetained && message.payload.length > 0 && retained.size >= settings.retainedMax) {
    if (!retained.has(message.topic)) return false;
  }
  if (deliveries.length === 0) return true;
  const bytes = bodyBytes(message);
  if (queuedBytes + bytes > settings.clusterQueuedBytesMax) return false;
  if (settings.queueFull !== 'refuse') return true;
  const copies = new Map<Session, number>();
  return deliveries.every(({ session }) => {
    const count = (copies.get(session) ?? 0) + 1;
    copies.set(session, count);
    return fits(context, session, bytes * count, count);
  });
}

function changeRetained(data: StateData, message: Message, source: PublishSource): void {
  const isolatedStore = source.isolatedSince === undefined ? null : (source.origin?.storeId ?? null);
  const change = { index: data.index, isolatedStore };
  if (message.payload.length === 0)
    data.retained.clear(message.topic, change); // [MQTT-3.3.1-6]
  else data.retained.set({ message, ...change });
}

function enqueueAll(
  context: ApplyContext,
  message: Message,
  deliveries: readonly Delivery[],
  source: PublishSource,
): void {
  const body: MessageBody = { message, origin: source.origin, bytes: bodyBytes(message), references: 0 };
  for (const delivery of deliveries) {
    delivery.group?.advance();
    enqueue(context, delivery, body, source.force);
  }
}
