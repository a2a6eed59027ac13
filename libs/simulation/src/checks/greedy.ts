import { greedyClient, greedyTopic } from '../clients/greedy-population.ts';
import type { History } from '../history/history.ts';
import { describePublication } from './delivery.ts';

/** Longest time between the entry that refuses a message and the answer to its client, ms of virtual time. */
const answerMsMax = 2_000;

/**
 * Checks that greedy clients harm only themselves (P9): no message of another topic is refused, except retained messages
 * while isolated members have accepted more than the bound (docs/DESIGN.md, "Fair shares"). `checkDelivery` checks that
 * no session of another client misses a message.
 */
export function checkGreedy(history: History): void {
  if (!history.sessions.some(({ client }) => client.startsWith(greedyClient))) return;
  for (const publication of history.publications) {
    if (!publication.refused || publication.topic.startsWith(greedyTopic)) continue;
    // Alone, a home accepts only its part of the room.
    if (publication.retain && publication.refusedAlone) continue;
    if (publication.retain && wasAboveBound(history, publication.ackedAtMs)) continue;
    history.reportViolation({
      promise: 'P9 fair shares',
      client: publication.client,
      publication: publication.id,
      text: `${describePublication(publication)} was refused because of a greedy client`,
    });
  }
}

/** Returns whether the bound was exceeded at some time shortly before the answer. */
function wasAboveBound(history: History, answeredAtMs: number | null): boolean {
  if (answeredAtMs === null) return false;
  return history.retainedAboveBoundMs.some(
    (atMs) => atMs <= answeredAtMs && atMs >= answeredAtMs - answerMsMax,
  );
}
