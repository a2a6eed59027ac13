import type { Arrival, History, Publication, SessionRecord, SubscriptionRecord } from '../history/history.ts';
import { describePublication } from './delivery.ts';
import { filterMatches, isShared } from './topic-filter.ts';

/**
 * Checks the options of subscriptions (MQTT 5, 3.8.3.1): Retain Handling, No Local and the Subscription
 * Identifiers of each delivered message.
 */
export function checkSubscriptionOptions(history: History): void {
  for (const session of history.sessions) {
    // The subscriptions of two devices with one client id are one session, and each record has half of them.
    if (session.client.startsWith('twin')) continue;
    for (const arrival of session.arrivals) {
      const publication = history.publications[arrival.publication];
      if (publication === undefined) continue;
      const matching = session.subscriptions.filter(({ subscription }) =>
        filterMatches(subscription.filter, arrival.topic),
      );
      checkNoLocal(history, session, publication, matching);
      checkIdentifiers(history, session, arrival, matching);
    }
    checkRetainHandling(history, session);
  }
}

function checkNoLocal(
  history: History,
  session: SessionRecord,
  publication: Publication,
  matching: readonly SubscriptionRecord[],
): void {
  if (publication.client !== session.client || matching.length === 0) return;
  if (!matching.every(({ subscription }) => subscription.noLocal === true)) return;
  history.reportViolation({
    promise: 'No Local [5.0 MQTT-3.8.3-3]',
    client: session.client,
    publication: publication.id,
    text: `${session.client} received its own message ${describePublication(publication)}`,
  });
}

function checkIdentifiers(
  history: History,
  session: SessionRecord,
  arrival: Arrival,
  matching: readonly SubscriptionRecord[],
): void {
  const own = matching.filter(({ subscription }) => !isShared(subscription.filter));
  const known = new Set(own.map(({ subscription }) => subscription.subscriptionIdentifier));
  const unknown = arrival.subscriptionIdentifiers.find((identifier) => !known.has(identifier));
  const isMissing =
    own.length > 0 &&
    own.length === matching.length &&
    !known.has(undefined) &&
    arrival.subscriptionIdentifiers.length === 0;
  if (unknown === undefined && !isMissing) return;
  history.reportViolation({
    promise: 'Subscription Identifier [5.0 MQTT-3.3.4-3]',
    client: session.client,
    publication: arrival.publication,
    text: `${session.client} received #${arrival.publication} with ${isMissing ? 'no identifier' : `the identifier ${unknown}`}`,
  });
}

/**
 * Checks that each SUBSCRIBE of a connection causes at most one delivery of each retained message, and none where
 * Retain Handling excludes it [MQTT-3.3.1-10] [MQTT-3.3.1-11].
 */
function checkRetainHandling(history: History, session: SessionRecord): void {
  const limiting = session.subscriptions.filter(({ subscription }) => (subscription.retainHandling ?? 0) > 0);
  if (limiting.length === 0 || limiting.length !== session.subscriptions.length) return;
  const seen = new Map<string, number>();
  for (const arrival of session.arrivals) {
    if (!arrival.retained || arrival.dup) continue;
    const key = `${arrival.connection} ${arrival.publication}`;
    const times = (seen.get(key) ?? 0) + 1;
    seen.set(key, times);
    const isCarriedOver = (session.subscriptions[0]?.connection ?? 0) < arrival.connection;
    const allowed = session.subscriptions.filter(
      ({ subscription, sentAtMs }, place) =>
        filterMatches(subscription.filter, arrival.topic) &&
        subscription.retainHandling === 1 &&
        sentAtMs < arrival.atMs &&
        session.subscriptions.findIndex((one) => one.subscription.filter === subscription.filter) === place,
    ).length;
    if (times <= allowed && (allowed > 0 || isCarriedOver)) continue;
    history.reportViolation({
      promise: 'Retain Handling',
      client: session.client,
      publication: arrival.publication,
      text:
        `${session.client} received the retained message #${arrival.publication} ${times} times on ` +
        `${arrival.connection}, its subscriptions allow ${allowed}`,
    });
  }
  if (seen.size === 0 && limiting.some(({ subscription }) => subscription.retainHandling === 2))
    history.mark('retained-not-wanted');
}
