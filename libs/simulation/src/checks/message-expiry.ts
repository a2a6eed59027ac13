import { clientsWithSharedId, describePublication, wasUnsubscribed } from './delivery.ts';
import { expiryEarlyMsMax, latestExpiryMs } from './expiry-time.ts';
import type { Arrival, History, Publication, SessionRecord } from '../history/history.ts';
import { filterMatches, isShared } from './topic-filter.ts';

/**
 * Longest time after the expiry of a message at which its delivery may begin. The home counts the time from the
 * newest entry that it has applied.
 */
const expiryLateMsMax = 1_000;
/**
 * Checks the Message Expiry Interval: no message is delivered after its expiry [MQTT-3.3.2-5], the interval
 * shrinks by the time that the message has waited [MQTT-3.3.2-6], and no message disappears before its expiry.
 */
export function checkMessageExpiry(history: History): void {
  const sharedIds = clientsWithSharedId(history);
  for (const session of history.sessions) {
    if (sharedIds.has(session.client)) continue;
    for (const arrival of session.arrivals) checkArrival(history, session, arrival);
    checkNotSkipped(history, session);
  }
}

function checkArrival(history: History, session: SessionRecord, arrival: Arrival): void {
  const publication = history.publications[arrival.publication];
  if (publication === undefined || publication.expirySeconds === null || publication.sentAtMs === null)
    return;
  const violate = (what: string): void =>
    history.reportViolation({
      promise: 'message expiry',
      client: session.client,
      publication: publication.id,
      text: `${session.client} received ${describePublication(publication)} at ${arrival.atMs.toFixed(1)} ${what}`,
    });
  const remaining = arrival.expirySeconds;
  if (remaining === null) return violate('without a Message Expiry Interval');
  if (remaining < publication.expirySeconds) history.mark('expiry-decremented');
  const soonest =
    publication.expirySeconds - (arrival.atMs - publication.sentAtMs + expiryEarlyMsMax(history)) / 1_000;
  // A home completes a QoS 2 exchange that began before the expiry, and sends the interval 0 then.
  const leastSeconds = arrival.dup && publication.qos === 2 ? 0 : 1;
  if (remaining < soonest || remaining > publication.expirySeconds || remaining < leastSeconds)
    violate(`with an interval of ${remaining} s`);
  const latestMs = latestExpiryMs(publication);
  // A delivery that began before the expiry may be repeated after it.
  if (latestMs === null || arrival.dup || history.clockRecordLost) return;
  if (arrival.atMs > latestMs + expiryLateMsMax) violate('after its expiry');
  const latestSeconds = Math.ceil((latestMs - arrival.atMs + expiryLateMsMax) / 1_000);
  if (remaining > latestSeconds)
    violate(`with an interval of ${remaining} s, which has not been decremented`);
}

/**
 * Checks that a message whose turn came before its expiry was delivered. A queue is in the order of the log, so
 * the arrival of a message that was published later shows that the turn of the earlier message has passed.
 */
function checkNotSkipped(history: History, session: SessionRecord): void {
  const { arrivals } = session;
  const arrived = new Set(arrivals.map(({ publication }) => publication));
  // For each arrival from the end: the newest publication that has certainly entered the queue, and its arrival.
  const later = arrivals
    .filter(({ qos, retained, dup }) => qos > 0 && !retained && !dup)
    .map((arrival) => ({ arrival, publication: history.publications[arrival.publication] }))
    .filter(({ publication }) => publication !== undefined && isInLogOnce(publication));
  for (const publication of history.publications) {
    const { expirySeconds, sentAtMs, ackedAtMs, qos } = publication;
    if (expirySeconds === null || sentAtMs === null || ackedAtMs === null || qos === 0) continue;
    if (arrived.has(publication.id) || !isInLogOnce(publication)) continue;
    const isDue = session.subscriptions.some(
      (record) =>
        record.ackedAtMs !== null &&
        record.ackedAtMs < sentAtMs &&
        record.granted >= 1 &&
        record.subscription.noLocal !== true &&
        !isShared(record.subscription.filter) &&
        filterMatches(record.subscription.filter, publication.topic) &&
        !wasUnsubscribed(session, record.subscription.filter),
    );
    if (!isDue) continue;
    const untilMs = sentAtMs + expirySeconds * 1_000 - expiryEarlyMsMax(history);
    const overtaking = later.find(
      ({ arrival, publication: other }) =>
        (other?.sentAtMs ?? 0) > ackedAtMs &&
        arrival.atMs < untilMs &&
        !session.subscriptions.some(({ subscription }) => isShared(subscription.filter)),
    );
    if (overtaking === undefined) continue;
    history.reportViolation({
      promise: 'message expiry',
      client: session.client,
      publication: publication.id,
      text:
        `${session.client} never received ${describePublication(publication)}, which had not expired when ` +
        `#${overtaking.arrival.publication} arrived at ${overtaking.arrival.atMs.toFixed(1)}`,
    });
  }
}

/** Returns whether one entry holds the message, and it was applied before the acknowledgement. */
function isInLogOnce({ connections, ackedAtMs, ackedDegraded, refused, qos }: Publication): boolean {
  return qos > 0 && connections.length === 1 && ackedAtMs !== null && !ackedDegraded && !refused;
}
