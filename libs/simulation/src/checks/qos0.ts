import { liveSubscriber } from '../clients/mqtt5-population.ts';
import type { ConnectionRecord, History, Publication, SessionRecord } from '../history/history.ts';
import { clientsWithSharedId, describePublication } from './delivery.ts';
import { filterMatches, isShared } from './topic-filter.ts';

/** Longest time from PUBLISH to the arrival of a QoS 0 message while no fault is active. */
const arrivalMsMax = 500;
/**
 * A SUBACK waits at most this long for the peers to have the interest. A slower peer may miss it for a while, for instance
 * behind a message that was sent before all faults ended (docs/DESIGN.md, P2).
 */
const answerMsMax = 100;

/**
 * Checks QoS 0: each client receives a message at most once (MQTT 3.1.1, 4.3.1), and a subscriber whose connection
 * lasts receives every message while no fault is active. A connection lasts until the member's process ends, although
 * the client may detect the end later (docs/DESIGN.md, P2). `delivery.ts` checks the order.
 */
export function checkQos0(history: History): void {
  const sharedIds = clientsWithSharedId(history);
  const seen = new Map<string, Set<number>>();
  for (const session of history.sessions) {
    if (sharedIds.has(session.client)) continue;
    const received = seen.get(session.client) ?? new Set();
    seen.set(session.client, received);
    for (const arrival of session.arrivals) {
      const publication = history.publications[arrival.publication];
      if (publication?.qos !== 0 || publication.retain) continue;
      if (received.has(publication.id)) violate(history, session, publication, 'received twice:');
      received.add(publication.id);
    }
    if (session.client.startsWith(liveSubscriber)) checkNotLost(history, session, received);
  }
}

function checkNotLost(history: History, session: SessionRecord, received: ReadonlySet<number>): void {
  const connections = [...history.connections.values()].filter(({ client }) => client === session.client);
  for (const publication of history.publications) {
    const { sentAtMs, qos, retain } = publication;
    if (qos !== 0 || retain || sentAtMs === null || received.has(publication.id)) continue;
    if (isDue(history, session, connections, { ...publication, sentAtMs }))
      violate(history, session, publication, 'never received');
  }
  if (received.size > 0 && history.calmPeriods.length > 0) history.mark('qos0-judged');
}

function isDue(
  history: History,
  session: SessionRecord,
  connections: readonly ConnectionRecord[],
  publication: Publication & { readonly sentAtMs: number },
): boolean {
  const { sentAtMs } = publication;
  const untilMs = sentAtMs + arrivalMsMax;
  const isCalm = history.calmPeriods.some(({ fromMs, toMs }) => fromMs <= sentAtMs && untilMs <= toMs);
  const isCurrent = session.startedAtMs < sentAtMs && (session.endedAtMs ?? Infinity) > untilMs;
  if (!isCalm || !isCurrent) return false;
  const sender = history.connections.get(publication.connections[0] as number);
  if (sender === undefined || !isOpenUntil(sender, untilMs)) return false;
  const isConnected = connections.some(
    (record) => record.connackAtMs !== null && record.connackAtMs < sentAtMs && isOpenUntil(record, untilMs),
  );
  return (
    isConnected &&
    session.subscriptions.some(
      ({ subscription, sentAtMs: subscribedAtMs, ackedAtMs }) =>
        ackedAtMs !== null &&
        ackedAtMs + (ackedAtMs - subscribedAtMs < answerMsMax ? 0 : arrivalMsMax) < sentAtMs &&
        !isShared(subscription.filter) &&
        filterMatches(subscription.filter, publication.topic),
    )
  );
}

/** Returns whether both ends of a connection were open until this time. */
function isOpenUntil({ endedAtMs, processEndedAtMs }: ConnectionRecord, untilMs: number): boolean {
  return Math.min(endedAtMs ?? Infinity, processEndedAtMs ?? Infinity) > untilMs;
}

function violate(history: History, session: SessionRecord, publication: Publication, what: string): void {
  history.reportViolation({
    promise: 'QoS 0',
    client: session.client,
    publication: publication.id,
    text: `${session.client} ${what} ${describePublication(publication)}`,
  });
}
