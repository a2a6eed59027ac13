import { contestedClients, describe, isPromised, wasUnsubscribed } from './delivery.ts';
import type { History, Publication, SessionRecord, SubscriptionRecord } from '../history/history.ts';
import { isShared, matches } from './topic-filter.ts';

/** P3 and P5: a session that lives has got what was retained when it subscribed, whichever homes it had since. */
export function checkRetainedArrived(history: History): void {
  const contested = contestedClients(history);
  const writes = retainedWrites(history);
  for (const session of history.sessions) {
    if (session.endedAtMs !== null || contested.has(session.client)) continue;
    for (const record of session.subscriptions) {
      if (!isJudged(history, session, record)) continue;
      for (const [topic, ofTopic] of writes) {
        if (!matches(record.subscription.filter, topic)) continue;
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

/** While members may not all know of it, what is retained is lost with the home that sends it. */
function isJudged(history: History, session: SessionRecord, record: SubscriptionRecord): boolean {
  const { subscription, ackedAtMs, sentAtMs, granted } = record;
  if (ackedAtMs === null || granted < 1 || isShared(subscription.filter)) return false;
  if (wasUnsubscribed(session, subscription.filter)) return false;
  const sinceMs = history.retainedQueuedSinceMs;
  return !session.persistent || (sinceMs !== null && sentAtMs > sinceMs);
}

/** The one that nothing else can have replaced before the subscription was acknowledged. */
function certainlyRetained(
  history: History,
  ofTopic: readonly Publication[],
  record: SubscriptionRecord,
): Publication | undefined {
  const ackedBefore = (publication: Publication, timeMs: number): boolean =>
    publication.ackedAtMs !== null && !publication.ackedDegraded && publication.ackedAtMs < timeMs;
  return ofTopic.find(
    (candidate) =>
      isPromised(history, candidate) &&
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
  // The home of a clean session may apply what was acknowledged elsewhere only later: then it comes as any other.
  const arrivals = session.arrivals.filter(
    (each) =>
      each.publication === publication.id &&
      each.atMs >= record.sentAtMs &&
      (each.retained || !session.persistent),
  );
  if (arrivals.length === 0) {
    history.violate({
      promise: 'P3/P5',
      client: session.client,
      publication: publication.id,
      text:
        `${session.client} never got what was retained, ${describe(publication)}, when it subscribed ` +
        `${record.subscription.filter} at ${record.sentAtMs.toFixed(1)}`,
    });
  } else if (arrivals.every(({ connection }) => connection !== record.connection)) {
    history.mark('retained-resumed-elsewhere');
  }
}
