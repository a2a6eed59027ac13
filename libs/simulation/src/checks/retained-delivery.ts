import { clientsWithSharedId, describePublication, isDeliveryPromised, wasUnsubscribed } from './delivery.ts';
import type { History, Publication, SessionRecord, SubscriptionRecord } from '../history/history.ts';
import { isShared, filterMatches } from './topic-filter.ts';

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
        if (publication !== undefined) checkArrived(history, session, record, publication);
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
  if (wasUnsubscribed(session, subscription.filter)) return false;
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

function checkArrived(
  history: History,
  session: SessionRecord,
  record: SubscriptionRecord,
  publication: Publication,
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
