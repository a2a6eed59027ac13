import type { Arrival, History, Publication, SessionRecord } from '../history/history.ts';
import { describePublication } from './delivery.ts';
import { filterMatches, isShared } from './topic-filter.ts';

/**
 * Checks the flag RETAIN of delivered messages. An established subscription receives RETAIN 1 if it has Retain As
 * Published and the message was published with RETAIN 1, otherwise 0 [5.0 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-13]. A
 * message that was retained before the SUBSCRIBE has RETAIN 1 [5.0 MQTT-3.3.1-8].
 */
export function checkRetainAsPublished(history: History): void {
  for (const session of history.sessions) {
    // The subscriptions of two devices with one client id are one session, and each record has half of them.
    if (session.client.startsWith('twin')) continue;
    for (const arrival of session.arrivals) {
      const publication = history.publications[arrival.publication];
      if (publication !== undefined) checkArrival(history, session, arrival, publication);
    }
  }
}

function checkArrival(
  history: History,
  session: SessionRecord,
  arrival: Arrival,
  publication: Publication,
): void {
  const { retained } = arrival;
  const matching = session.subscriptions.filter(({ subscription }) =>
    filterMatches(subscription.filter, arrival.topic),
  );
  const keeps = matching.filter(({ subscription }) => subscription.retainAsPublished === true);
  const all = matching.length > 0 && keeps.length === matching.length;
  if (all && retained) history.mark('retain-kept-as-published');
  const sentAtMs = publication.sentAtMs ?? 0;
  // A SUBSCRIBE that was not acknowledged before the PUBLISH may have caused this delivery.
  const isEstablished =
    matching.length > 0 && matching.every(({ ackedAtMs }) => ackedAtMs !== null && ackedAtMs < sentAtMs);
  const isWrong =
    (retained && !publication.retain) ||
    (!retained && publication.retain && all) ||
    (retained &&
      keeps.length === 0 &&
      isEstablished &&
      !matching.some((one) => isShared(one.subscription.filter)));
  if (!isWrong) return;
  history.reportViolation({
    promise: 'Retain As Published [5.0 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-13]',
    client: session.client,
    publication: publication.id,
    text:
      `${session.client} received ${describePublication(publication)} with RETAIN ${Number(retained)}, published ` +
      `with RETAIN ${Number(publication.retain)}; ${keeps.length} of ${matching.length} subscriptions keep it`,
  });
}
