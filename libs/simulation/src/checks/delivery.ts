import type { ConnectionId } from '@mqtt-cluster/contracts';
import type { Arrival, History, Publication, SessionRecord, SubscriptionRecord } from '../history/history.ts';
import { isShared, matches } from './topic-filter.ts';

/**
 * P1 and P2: what was acknowledged arrives, QoS 2 once, and in its publisher's order. `bounded`: clients whose queues were at their
 * bound, which need not get everything.
 */
export function checkDelivery(history: History, bounded: ReadonlySet<string> = new Set()): void {
  const contested = contestedClients(history);
  for (const session of history.sessions) {
    if (contested.has(session.client)) continue;
    if (session.endedAtMs === null && !bounded.has(session.client)) checkEverythingArrived(history, session);
    checkOnce(history, session);
    checkOrder(history, session);
  }
  checkGroups(history);
}

/** Clients that two devices claim at once: nothing is promised to either. */
export function contestedClients(history: History): Set<string> {
  return new Set(
    history.sessions.filter(({ client }) => client.startsWith('twin')).map(({ client }) => client),
  );
}

/** What a session that lives must have got. */
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
    if (!isPromised(history, publication) || arrived.has(publication.id)) continue;
    const record = standing.find(
      ({ ackedAtMs, subscription }) =>
        (ackedAtMs as number) < (publication.sentAtMs as number) &&
        matches(subscription.filter, publication.topic),
    );
    if (record === undefined) continue;
    history.violate({
      promise: publication.ackedDegraded ? 'P1/P2 (acknowledged in isolation)' : 'P1/P2',
      client: session.client,
      publication: publication.id,
      text: `${session.client} never got ${describe(publication)}, subscribed by ${record.subscription.filter}`,
    });
  }
}

/** An unsubscription may let what is queued go, so nothing is demanded of that filter any more. */
export function wasUnsubscribed(session: SessionRecord, filter: string): boolean {
  return session.subscriptions.some(
    (record) => record.subscription.filter === filter && record.unsubscribedAtMs !== null,
  );
}

export function isPromised(history: History, publication: Publication): boolean {
  return (
    publication.qos >= 1 &&
    publication.ackedAtMs !== null &&
    publication.sentAtMs !== null &&
    !publication.clears &&
    !publication.refused &&
    // An ack of a majority is a promise, whatever disk was lost.
    !(publication.ackedDegraded && history.excusedPublications.has(publication.id))
  );
}

/** QoS 2 to a QoS 2 subscription: once in a session, whatever happens in between. */
function checkOnce(history: History, session: SessionRecord): void {
  const seen = new Map<number, Arrival>();
  for (const arrival of session.arrivals) {
    if (arrival.qos !== 2 || arrival.retained) continue;
    const former = seen.get(arrival.publication);
    seen.set(arrival.publication, arrival);
    const publication = history.publications[arrival.publication];
    if (former === undefined || publication === undefined || publication.qos !== 2) continue;
    history.violate({
      promise: 'P2 exactly once',
      client: session.client,
      publication: arrival.publication,
      text:
        `${session.client} got ${describe(publication)} twice, at ${former.atMs.toFixed(1)} on ` +
        `${former.connection} and at ${arrival.atMs.toFixed(1)} on ${arrival.connection}`,
    });
  }
}

/**
 * Per publisher connection, topic and QoS. A message that was sent again on another connection may take that way; so
 * one is held to come after another only if every connection it was sent on had carried the other before.
 */
function checkOrder(history: History, session: SessionRecord): void {
  // A group's messages change hands when one of its members leaves.
  if (session.subscriptions.some(({ subscription }) => isShared(subscription.filter))) return;
  const last = new Map<string, Publication[]>();
  const seen = new Set<number>();
  for (const arrival of session.arrivals) {
    if (arrival.retained || seen.has(arrival.publication)) continue;
    seen.add(arrival.publication);
    const publication = history.publications[arrival.publication];
    if (publication === undefined || publication.connections.length === 0) continue;
    // QoS 0 is not kept for anybody, so a session may have missed all but the repetition.
    if (arrival.qos === 0 && publication.connections.length > 1) continue;
    // Of what was sent before it subscribed a session may see only the repeat.
    if (!wasSubscribedBefore(session, publication)) continue;
    const key = `${publication.client} ${publication.topic} ${publication.qos} ${arrival.qos}`;
    const former = last.get(key) ?? [];
    const overtaken = former.find((other) => other.id > publication.id && isCarried(other, publication));
    if (overtaken !== undefined) {
      history.violate({
        promise: 'P2 order',
        client: session.client,
        publication: publication.id,
        text: `${session.client} got ${describe(publication)} after ${describe(overtaken)}`,
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
      matches(subscription.filter, publication.topic),
  );
}

function isCarried(later: Publication, earlier: Publication): boolean {
  const ways: readonly ConnectionId[] = earlier.connections;
  return later.connections.every((connection) => ways.includes(connection));
}

/** A group gets each message through one of its members, as long as one was subscribed before and stayed. */
function checkGroups(history: History): void {
  const groups = new Map<
    string,
    { readonly session: SessionRecord; readonly record: SubscriptionRecord }[]
  >();
  for (const session of history.sessions) {
    for (const record of session.subscriptions) {
      const { filter } = record.subscription;
      if (isShared(filter)) groups.set(filter, [...(groups.get(filter) ?? []), { session, record }]);
    }
  }
  for (const [filter, members] of groups) {
    const standing = members.filter(
      ({ session, record }) =>
        session.endedAtMs === null &&
        session.persistent &&
        record.ackedAtMs !== null &&
        !wasUnsubscribed(session, filter),
    );
    const arrived = new Set(members.flatMap(({ session }) => session.arrivals.map((one) => one.publication)));
    const sinceMs = Math.min(...standing.map(({ record }) => record.ackedAtMs as number));
    // A member whose session ended may have taken a message with it.
    if (standing.length === 0 || members.length !== standing.length) continue;
    for (const publication of history.publications) {
      if (!isPromised(history, publication) || arrived.has(publication.id)) continue;
      if (!matches(filter, publication.topic) || (publication.sentAtMs as number) <= sinceMs) continue;
      history.violate({
        promise: 'P2 shared',
        publication: publication.id,
        text: `nobody of ${filter} got ${describe(publication)}`,
      });
    }
  }
}

export function describe(publication: Publication): string {
  const acked = publication.ackedAtMs === null ? 'not acked' : `acked ${publication.ackedAtMs.toFixed(1)}`;
  const sent = publication.sentAtMs === null ? 'by its member' : `sent ${publication.sentAtMs.toFixed(1)}`;
  return (
    `#${publication.id} of ${publication.client} (${publication.topic}, qos ${publication.qos}, ${sent} on ` +
    `${publication.connections.join('+')}, ${acked}${publication.ackedDegraded ? ' isolated' : ''})`
  );
}
