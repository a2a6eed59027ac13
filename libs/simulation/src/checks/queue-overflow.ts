import { defaultSettings } from '@mqtt-cluster/contracts';
import type { History } from '../history/history.ts';

/**
 * Checks the exception of P1 for full queues: a queue at its bound drops only its oldest messages. So the
 * client receives the newest acknowledged message, and at least as many messages as the queue can hold.
 */
export function checkQueueOverflow(history: History, client: string): void {
  const session = history.sessions.findLast((one) => one.client === client);
  const subscription = session?.subscriptions.find(({ ackedAtMs }) => ackedAtMs !== null);
  if (session === undefined || subscription === undefined || subscription.ackedAtMs === null) return;
  const { filter } = subscription.subscription;
  const acked = history.publications.filter(({ topic, ackedAtMs }) => topic === filter && ackedAtMs !== null);
  const newest = acked.at(-1);
  if (newest === undefined) return;
  const arrived = new Set(session.arrivals.map(({ publication }) => publication));
  const due = Math.min(defaultSettings.queuedMessagesMax, acked.length);
  if (!arrived.has(newest.id))
    history.reportViolation({
      promise: 'P9',
      client,
      text: `${client} never received the newest message, #${newest.id}`,
    });
  // A message that was sent again may be in the queue twice, so the check counts arrivals instead of
  // messages.
  if (session.arrivals.length < due)
    history.reportViolation({
      promise: 'P9',
      client,
      text: `${client} received ${session.arrivals.length} messages, expected at least ${due}`,
    });
}
