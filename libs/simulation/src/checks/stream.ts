import type { SimulatedClient } from '../clients/client.ts';
import type { History } from '../history/history.ts';
import type { OtherSite } from '../links/other-site.ts';

/**
 * Checks that a client with one QoS 2 subscription for all messages of a stream has received them once each, in the order of
 * their sequence numbers.
 */
export function checkStream(history: History, site: OtherSite, reader: SimulatedClient): void {
  const sequences = new Map(site.stream.map(({ id }, position) => [id, position + 1]));
  const arrived = history.sessions
    .filter(({ client }) => client === reader.id)
    .flatMap(({ arrivals }) => arrivals)
    .map(({ publication }) => sequences.get(publication));
  let expected = 1;
  for (const sequence of arrived) {
    if (sequence === undefined) continue;
    if (sequence !== expected)
      return report(history, `${reader.id} received ${sequence} instead of ${expected}`);
    expected++;
  }
  if (expected <= site.stream.length)
    report(history, `${reader.id} has received ${expected - 1} of ${site.stream.length} messages`);
}

function report(history: History, text: string): void {
  history.reportViolation({ promise: 'link stream', text: `sequence numbers of the stream: ${text}` });
}
