import type { Arrival, History, Publication, SessionRecord, SubscriptionRecord } from '../history/history.ts';
import { describePublication, isDeliveryPromised, wasUnsubscribed } from './delivery.ts';
import { mayHaveExpired } from './expiry-time.ts';
import { filterMatches, isShared } from './topic-filter.ts';

/** One session of a group, with its subscription. */
interface GroupMember {
  readonly session: SessionRecord;
  readonly record: SubscriptionRecord;
}

/** A delivery of one message to a member of the group. */
interface GroupArrival {
  readonly session: SessionRecord;
  readonly arrival: Arrival;
}

/** Time until the cluster has applied the end of a session, also when it has no majority for a while. */
const endAppliedMsMax = 15_000;
/** Time around the end of a connection in which the cluster and the client may see the end. */
const connectionEndMs = 6_000;

/**
 * Checks shared subscriptions (MQTT 5, 4.8.2): at least one client of a group receives each message while a
 * member stays subscribed, and no second client receives it unless the first one's connection has ended.
 */
export function checkSharedDelivery(history: History): void {
  const groups = new Map<string, GroupMember[]>();
  for (const session of history.sessions) {
    for (const record of session.subscriptions) {
      const { filter } = record.subscription;
      if (isShared(filter)) groups.set(filter, [...(groups.get(filter) ?? []), { session, record }]);
    }
  }
  for (const [filter, members] of groups) {
    const publications = history.publications.filter(({ topic }) => filterMatches(filter, topic));
    const arrivals = arrivalsByPublication(filter, members);
    for (const publication of publications) {
      const received = arrivals.get(publication.id) ?? [];
      checkOneMember(history, filter, publication, received);
      if (received.length === 0) checkNotLost(history, filter, publication, members);
    }
  }
}

/** Returns the deliveries to sessions that receive the topic only through this group. */
function arrivalsByPublication(filter: string, members: readonly GroupMember[]): Map<number, GroupArrival[]> {
  const arrivals = new Map<number, GroupArrival[]>();
  for (const session of new Set(members.map((member) => member.session))) {
    if (session.subscriptions.some(({ subscription }) => subscription.filter !== filter)) continue;
    for (const arrival of session.arrivals) {
      const known = arrivals.get(arrival.publication);
      if (known === undefined) arrivals.set(arrival.publication, [{ session, arrival }]);
      else known.push({ session, arrival });
    }
  }
  return arrivals;
}

function checkOneMember(
  history: History,
  filter: string,
  publication: Publication,
  received: readonly GroupArrival[],
): void {
  // A message that its publisher sent twice may be in the log twice.
  if (received.length < 2 || publication.connections.length !== 1 || publication.ackedDegraded) return;
  const inOrder = received.toSorted((one, other) => one.arrival.atMs - other.arrival.atMs);
  for (const [place, { session, arrival }] of inOrder.entries()) {
    const former = inOrder[place - 1];
    if (former === undefined) continue;
    if (publication.qos > 0 && mayHaveEnded(history, former.arrival, arrival.atMs)) {
      if (former.session.client !== session.client) history.mark('shared-message-moved');
      continue;
    }
    history.reportViolation({
      promise: 'P2 shared',
      client: session.client,
      publication: publication.id,
      text:
        `${former.session.client} and ${session.client} of ${filter} both received ` +
        `${describePublication(publication)}, at ${former.arrival.atMs.toFixed(1)} and ${arrival.atMs.toFixed(1)}`,
    });
  }
}

/** Returns whether the cluster may have ended the connection of an arrival before this time. */
function mayHaveEnded(history: History, { connection, atMs }: Arrival, untilMs: number): boolean {
  const record = history.connections.get(connection);
  if (record === undefined || record.closedByHome) return true;
  if (record.endedAtMs !== null && record.endedAtMs <= untilMs) return true;
  return history.disturbances.some(
    (one) =>
      one.member === record.host && one.atMs > atMs - connectionEndMs && one.atMs < untilMs + connectionEndMs,
  );
}

function checkNotLost(
  history: History,
  filter: string,
  publication: Publication,
  members: readonly GroupMember[],
): void {
  const sentAtMs = publication.sentAtMs;
  if (sentAtMs === null) return;
  if (!members.some((member) => mayBeMember(member, sentAtMs))) history.mark('shared-without-members');
  if (!isDeliveryPromised(history, publication) || mayHaveExpired(history, publication, history.nowMs))
    return;
  const standing = members.some(
    ({ session, record }) =>
      session.endedAtMs === null &&
      session.persistent &&
      isGranted(record) &&
      (record.ackedAtMs ?? Infinity) < sentAtMs &&
      !wasUnsubscribed(session, filter),
  );
  // A message is lost with the session that it was assigned to, if its QoS 2 exchange has begun or no other
  // member is connected then.
  const isAssignedToOther = members.some(
    (member) =>
      !isStanding(member, filter) &&
      (member.session.endedAtMs ?? Infinity) + endAppliedMsMax >= sentAtMs &&
      (member.record.sentAtMs <= (publication.ackedAtMs as number) ||
        mayBeReassignedTo(history, member, members, sentAtMs)),
  );
  if (!standing || isAssignedToOther) return;
  history.reportViolation({
    promise: 'P2 shared',
    publication: publication.id,
    text: `no client of ${filter} received ${describePublication(publication)}`,
  });
}

/**
 * Returns whether a message of this time may move to a member that subscribed later: the connection of another
 * member ended, and the cluster may have applied the end after the subscription.
 */
function mayBeReassignedTo(
  history: History,
  { session, record }: GroupMember,
  members: readonly GroupMember[],
  sentAtMs: number,
): boolean {
  const others = new Set(members.map((member) => member.session.client));
  others.delete(session.client);
  return [...history.connections.values()].some(
    ({ client, connackAtMs, endedAtMs, closedByHome }) =>
      others.has(client) &&
      connackAtMs !== null &&
      (closedByHome || endedAtMs !== null) &&
      (endedAtMs ?? Infinity) + endAppliedMsMax >= Math.max(record.sentAtMs, sentAtMs) &&
      connackAtMs <= (session.endedAtMs ?? Infinity) + endAppliedMsMax,
  );
}

function isStanding({ session, record }: GroupMember, filter: string): boolean {
  return (
    session.endedAtMs === null && session.persistent && isGranted(record) && !wasUnsubscribed(session, filter)
  );
}

/** Returns whether the session may be a member of the group at this time. */
function mayBeMember({ session, record }: GroupMember, atMs: number): boolean {
  if (record.sentAtMs > atMs) return false;
  if (record.unsubscribedAtMs !== null && record.unsubscribedAtMs + connectionEndMs < atMs) return false;
  return session.endedAtMs === null || session.endedAtMs + connectionEndMs > atMs;
}

/** Returns whether the member granted the subscription with QoS 1 or 2. */
function isGranted({ ackedAtMs, granted }: SubscriptionRecord): boolean {
  return ackedAtMs !== null && granted >= 1;
}
