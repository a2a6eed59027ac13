import type { ConnectionId } from '@mqtt-cluster/contracts';
import type { Arrival, History, Publication, SessionRecord } from '../history/history.ts';
import { mayHaveExpired } from './expiry-time.ts';
import { isShared, filterMatches } from './topic-filter.ts';

/**
 * Checks P1 and P2: every acknowledged message arrives, a QoS 2 message arrives once, and messages arrive in
 * their publisher's order. Clients in `bounded` had a full queue and may miss messages.
 */
export function checkDelivery(history: History, bounded: ReadonlySet<string> = new Set()): void {
  const sharedIds = clientsWithSharedId(history);
  for (const session of history.sessions) {
    if (sharedIds.has(session.client)) continue;
    checkSession(history, session, bounded.has(session.client));
  }
}

/** Checks what one session has received. @param isBounded its queue was full, so it may miss messages */
export function checkSession(history: History, session: SessionRecord, isBounded: boolean): void {
  if (session.endedAtMs === null && !isBounded) checkEverythingArrived(history, session);
  checkOnce(history, session);
  checkOrder(history, session, isBounded);
}

/** Returns the client ids that two devices use at once. The promises do not apply to these ids. */
export function clientsWithSharedId(history: History): Set<string> {
  return new Set(
    history.sessions.filter(({ client }) => client.startsWith('twin')).map(({ client }) => client),
  );
}

/** Checks that a session that has not ended has received every promised message of its subscriptions. */
function checkEverythingArrived(history: History, session: SessionRecord): void {
  const standing = session.subscriptions.filter(
    (record) =>
      record.ackedAtMs !== null &&
      record.granted >= 1 &&
      !isShared(record.subscription.filter) &&
      !wasUnsubscribed(session, record.subscription.filter),
  );
  if (standing.length === 0) return;
  const arrived = new Set(session.arrivals.map((arrival) => arrival.publication));
  for (const publication of history.publications) {
    if (!isDeliveryPromised(history, publication) || arrived.has(publication.id)) continue;
    // `message-expiry.ts` checks the messages that expire during the run.
    if (mayHaveExpired(history, publication, history.nowMs)) continue;
    const record = standing.find(
      ({ ackedAtMs, subscription }) =>
        (ackedAtMs as number) < (publication.sentAtMs as number) &&
        !(subscription.noLocal === true && publication.client === session.client) &&
        filterMatches(subscription.filter, publication.topic),
    );
    if (record === undefined) continue;
    history.reportViolation({
      promise: publication.ackedDegraded ? 'P1/P2 (acknowledged in isolation)' : 'P1/P2',
      client: session.client,
      publication: publication.id,
      text: `${session.client}, subscribed to ${record.subscription.filter}, never received ${describePublication(publication)}`,
    });
  }
}

/** An UNSUBSCRIBE may drop queued messages, so the checks expect no message for that filter afterwards. */
export function wasUnsubscribed(session: SessionRecord, filter: string): boolean {
  return session.subscriptions.some(
    (record) => record.subscription.filter === filter && record.unsubscribedAtMs !== null,
  );
}

/** Returns whether an acknowledgement promises the delivery of this message (P1). */
export function isDeliveryPromised(history: History, publication: Publication): boolean {
  return (
    publication.qos >= 1 &&
    publication.ackedAtMs !== null &&
    publication.sentAtMs !== null &&
    !publication.clears &&
    !publication.refused &&
    // The loss of a disk excuses only the loss of messages with a degraded acknowledgement.
    !(publication.ackedDegraded && history.excusedPublications.has(publication.id))
  );
}

/** Checks that a session with a QoS 2 subscription receives a QoS 2 message at most once. */
function checkOnce(history: History, session: SessionRecord): void {
  const seen = new Map<number, Arrival>();
  for (const arrival of session.arrivals) {
    if (arrival.qos !== 2 || arrival.retained) continue;
    const former = seen.get(arrival.publication);
    seen.set(arrival.publication, arrival);
    const publication = history.publications[arrival.publication];
    if (former === undefined || publication === undefined || publication.qos !== 2) continue;
    history.reportViolation({
      promise: 'P2 exactly once',
      client: session.client,
      publication: arrival.publication,
      text:
        `${session.client} received ${describePublication(publication)} twice, at ${former.atMs.toFixed(1)} on ` +
        `${former.connection} and at ${arrival.atMs.toFixed(1)} on ${arrival.connection}`,
    });
  }
}

/**
 * Checks the order per publisher connection, topic and QoS. A message that was sent again on another
 * connection may arrive through that connection. So the order of two messages counts only if every connection
 * of the later message also transmitted the earlier message.
 */
function checkOrder(history: History, session: SessionRecord, isBounded: boolean): void {
  // Messages of a shared subscription move to another client when one client leaves, so their order is not
  // checked.
  if (session.subscriptions.some(({ subscription }) => isShared(subscription.filter))) return;
  const last = new Map<string, Publication[]>();
  const seen = new Set<number>();
  for (const arrival of session.arrivals) {
    if (arrival.retained || seen.has(arrival.publication)) continue;
    seen.add(arrival.publication);
    const publication = history.publications[arrival.publication];
    if (publication === undefined || publication.connections.length === 0) continue;
    // QoS 0 messages are not queued, so a session may have missed all copies but the retransmission.
    if (arrival.qos === 0 && publication.connections.length > 1) continue;
    // The first copy may have expired in the queue, or a full queue may have dropped it.
    const mayLackFirst = publication.expirySeconds !== null || isBounded;
    if (mayLackFirst && publication.connections.length > 1) continue;
    // A message that was first sent before the subscription may reach the session only as a retransmission.
    if (!wasSubscribedBefore(session, publication)) continue;
    const key = `${publication.client} ${publication.topic} ${publication.qos} ${arrival.qos}`;
    const former = last.get(key) ?? [];
    const overtaken = former.find(
      (other) => other.id > publication.id && areConnectionsShared(other, publication),
    );
    if (overtaken !== undefined) {
      history.reportViolation({
        promise: 'P2 order',
        client: session.client,
        publication: publication.id,
        text: `${session.client} received ${describePublication(publication)} after ${describePublication(overtaken)}`,
      });
    }
    former.push(publication);
    last.set(key, former);
  }
}

function wasSubscribedBefore(session: SessionRecord, publication: Publication): boolean {
  return session.subscriptions.some(
    ({ ackedAtMs, unsubscribedAtMs, subscription }) =>
      ackedAtMs !== null &&
      unsubscribedAtMs === null &&
      ackedAtMs < (publication.sentAtMs ?? 0) &&
      filterMatches(subscription.filter, publication.topic),
  );
}

function areConnectionsShared(later: Publication, earlier: Publication): boolean {
  const earlierConnections: readonly ConnectionId[] = earlier.connections;
  return later.connections.every((connection) => earlierConnections.includes(connection));
}

/** Describes a publication for the text of a violation. */
export function describePublication(publication: Publication): string {
  const { id, client, topic, qos, expirySeconds, sentAtMs, ackedAtMs, ackedDegraded, connections } =
    publication;
  const expiry = expirySeconds === null ? '' : `expiry ${expirySeconds} s, `;
  const sent =
    sentAtMs === null
      ? 'published by its home'
      : `sent at ${sentAtMs.toFixed(1)} ms on connection ${connections.join('+')}`;
  const acked = ackedAtMs === null ? 'not acknowledged' : `acknowledged at ${ackedAtMs.toFixed(1)} ms`;
  return `#${id} of ${client} (${topic}, QoS ${qos}, ${expiry}${sent}, ${acked}${ackedDegraded ? ' without a majority' : ''})`;
}
