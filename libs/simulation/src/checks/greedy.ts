import { greedyClient, greedyTopic } from '../clients/greedy-population.ts';
import type { History } from '../history/history.ts';
import { describePublication } from './delivery.ts';

/**
 * Checks that greedy clients harm only themselves (P9): no message of another topic is refused. `checkDelivery`
 * checks that no session of another client misses a message.
 */
export function checkGreedy(history: History): void {
  if (!history.sessions.some(({ client }) => client.startsWith(greedyClient))) return;
  for (const publication of history.publications) {
    if (!publication.refused || publication.topic.startsWith(greedyTopic)) continue;
    history.reportViolation({
      promise: 'P9 fair shares',
      client: publication.client,
      publication: publication.id,
      text: `${describePublication(publication)} was refused because of a greedy client`,
    });
  }
}
