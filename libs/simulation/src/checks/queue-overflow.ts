import { defaultSettings } from '@mqtt-cluster/contracts';
import type { History } from '../history/history.ts';

/**
 * P1's exception: a queue at its bound loses its oldest, and nothing else. So the newest that was acknowledged arrives, and as many
 * as the queue may hold.
 */
export function checkHoard(history: History, client: string): void {
  const session = history.sessions.findLast((one) => one.client === client);
  const subscription = session?.subscriptions[0];
  if (session === undefined || subscription === undefined || subscription.ackedAtMs === null) return;
  const { filter } = subscription.subscription;
  const acked = history.publications.filter(({ topic, ackedAtMs }) => topic === filter && ackedAtMs !== null);
  const newest = acked.at(-1);
  if (newest === undefined) return;
  const arrived = new Set(session.arrivals.map(({ publication }) => publication));
  const due = Math.min(defaultSettings.queuedMessagesMax, acked.length);
  if (!arrived.has(newest.id))
    history.violate({ promise: 'P9', client, text: `${client} never got the newest, #${newest.id}` });
  // A message that was sent again stands in the queue twice.
  if (session.arrivals.length < due)
    history.violate({
      promise: 'P9',
      client,
      text: `${client} got ${session.arrivals.length} of at least ${due} messages`,
    });
}
