import { clientsWithSharedId, describePublication, isDeliveryPromised, wasUnsubscribed } from './delivery.ts';
import type { History, Publication, SessionRecord, SubscriptionRecord } from '../history/history.ts';
import { expiryReader } from '../clients/mqtt5-population.ts';
import { latestExpiryMs, mayHaveExpired } from './expiry-time.ts';
import { isShared, filterMatches } from './topic-filter.ts';

/** Time in which the retained messages of a subscription arrive at a reader that acknowledges at once. */
const arrivalMsMax = 1_500;

/**
 * Checks P3 and P5: a session receives the messages that were retained when it subscribed, even if its home
 * changes.
 */
export function checkRetainedDelivery(history: History): void {
  const sharedIds = clientsWithSharedId(history);
  const writes = retainedWrites(history);
  for (const session of history.sessions) {
    if (session.endedAtMs !== null || sharedIds.has(session.client)) continue;
    for (const record of session.subscriptions) {
      if (!isChecked(history, session, record)) continue;
      for (const [topic, ofTopic] of writes) {
        if (!filterMatches(record.subscription.filter, topic)) continue;
        const publication = certainlyRetained(history, ofTopic, record);
        if (publication !== undefined && isUnexpired(history, session, record, publication))
          checkArrived(history, session, record, publication, ofTopic);
      }
    }
  }
}

function retainedWrites(history: History): Map<string, Publication[]> {
  const writes = new Map<string, Publication[]>();
  for (const publication of history.publications) {
    if (!publication.retain || publication.sentAtMs === null) continue;
    const ofTopic = writes.get(publication.topic) ?? [];
    ofTopic.push(publication);
    writes.set(publication.topic, ofTopic);
  }
  return writes;
}

/**
 * Returns whether this subscription is checked. A persistent session is checked only after all members
 * support the queueing of retained messages. Before that, the loss of a home loses the retained messages that
 * the home was sending.
 */
function isChecked(history: History, session: SessionRecord, record: SubscriptionRecord): boolean {
  const { subscription, ackedAtMs, sentAtMs, granted } = record;
  if (ackedAtMs === null || granted < 1 || isShared(subscription.filter)) return false;
  if (wasUnsubscribed(session, subscription.filter) || (subscription.retainHandling ?? 0) > 0) return false;
  const sinceMs = history.retainedQueuedSinceMs;
  return !session.persistent || (sinceMs !== null && sentAtMs > sinceMs);
}

/**
 * Returns the message that was certainly retained when the client subscribed: no other write can have
 * replaced it.
 */
function certainlyRetained(
  history: History,
  ofTopic: readonly Publication[],
  record: SubscriptionRecord,
): Publication | undefined {
  const ackedBefore = (publication: Publication, timeMs: number): boolean =>
    publication.ackedAtMs !== null && !publication.ackedDegraded && publication.ackedAtMs < timeMs;
  return ofTopic.find(
    (candidate) =>
      isDeliveryPromised(history, candidate) &&
      ackedBefore(candidate, record.sentAtMs) &&
      ofTopic.every(
        (other) =>
          other === candidate ||
          ackedBefore(other, candidate.sentAtMs as number) ||
          (other.sentAtMs as number) > (record.ackedAtMs as number),
      ),
  );
}

/**
 * Returns whether the message must arrive before its expiry. Only a reader that acknowledges at once, at a home
 * without a fault, is certain to receive it in time.
 */
function isUnexpired(
  history: History,
  session: SessionRecord,
  record: SubscriptionRecord,
  publication: Publication,
): boolean {
  if (!mayHaveExpired(history, publication, history.nowMs)) return true;
  const subscribedAtMs = record.ackedAtMs as number;
  if ((latestExpiryMs(publication) ?? Infinity) < record.sentAtMs) history.mark('retained-expired');
  const connection = history.connections.get(record.connection);
  if (connection === undefined || !session.client.startsWith(expiryReader)) return false;
  const arrivedAtMs = subscribedAtMs + arrivalMsMax;
  const isOpen = connection.endedAtMs === null || connection.endedAtMs > arrivedAtMs;
  const isDisturbed = history.disturbances.some(
    ({ member, atMs }) =>
      member === connection.host && atMs > subscribedAtMs - arrivalMsMax && atMs < arrivedAtMs,
  );
  return isOpen && !isDisturbed && !mayHaveExpired(history, publication, arrivedAtMs);
}

function checkArrived(
  history: History,
  session: SessionRecord,
  record: SubscriptionRecord,
  publication: Publication,
  ofTopic: readonly Publication[],
): void {
  // The home of a clean session may apply the message after the subscription. Then the message arrives
  // without the RETAIN flag.
  const arrivals = session.arrivals.filter(
    (each) =>
      each.publication === publication.id &&
      each.atMs >= record.sentAtMs &&
      (each.retained || !session.persistent),
  );
  if (arrivals.length === 0) {
    if (wasReplacedBeforeItsTurn(history, session, record, ofTopic)) return;
    history.reportViolation({
      promise: 'P3/P5',
      client: session.client,
      publication: publication.id,
      text:
        `${session.client} never received the retained message ${describePublication(publication)} of its subscription ` +
        `${record.subscription.filter} at ${record.sentAtMs.toFixed(1)}`,
    });
  } else if (arrivals.every(({ connection }) => connection !== record.connection)) {
    history.mark('retained-resumed-elsewhere');
  }
}

/**
 * Returns whether a newer message with RETAIN may have replaced the retained message while it waited at the
 * home (docs/DESIGN.md, "Retained messages"). The home of a clean session keeps only a position in the retained
 * messages, and waits while the client's window or socket is full. Then the client must have received the newer
 * message as a published message, unless that one has expired, or has an empty payload, which identifies no
 * publication. The queue of a persistent session holds all retained messages of a run from the SUBSCRIBE on.
 */
function wasReplacedBeforeItsTurn(
  history: History,
  session: SessionRecord,
  record: SubscriptionRecord,
  ofTopic: readonly Publication[],
): boolean {
  const slowAtMs = history.connections.get(record.connection)?.firstSlowAtMs ?? null;
  if (session.persistent || slowAtMs === null) return false;
  return ofTopic.some((newer) => {
    if ((newer.sentAtMs as number) <= (record.ackedAtMs as number)) return false;
    // A newer message that has expired at the home, too, leaves nothing to deliver.
    if (newer.clears || mayHaveExpired(history, newer, history.nowMs)) return newer.ackedAtMs !== null;
    return session.arrivals.some(
      ({ publication, connection, retained, atMs }) =>
        publication === newer.id && connection === record.connection && !retained && atMs >= slowAtMs,
    );
  });
}
