import type { StateData } from '../state-data.ts';
import type { QueueExpiry } from './queue-deadline.ts';
import type { QueuedMessage } from './queued-message.ts';
import type { Session } from './session.ts';

/** Adds the expiry of a queued message, if the message has one. */
export function scheduleExpiry(data: StateData, session: Session, item: QueuedMessage): void {
  const { expiresAt } = item.message;
  if (expiresAt === undefined || item.expiry !== null) return;
  const expiry = { deadline: expiresAt, session, item, cancelled: false };
  item.expiry = expiry;
  data.queueExpiries.push(expiry);
}

/**
 * Adds the expiries again that passed while the client was connected. So the expiries of an absent session do
 * not depend on a decode of the state.
 */
export function scheduleExpiries(data: StateData, session: Session): void {
  for (const item of session.items.from(0)) scheduleExpiry(data, session, item);
}

export function cancelExpiry(data: StateData, item: QueuedMessage): void {
  if (item.expiry === null) return;
  data.queueExpiries.cancel(item.expiry);
  item.expiry = null;
}

/**
 * Removes and returns the next message that has expired in the queue of an absent session. The home of a
 * connected session drops expired messages itself. A QoS 2 message with a packet id stays, because its
 * exchange may have begun and must end with the client.
 */
export function nextExpired(data: StateData): QueueExpiry | undefined {
  for (;;) {
    const due = data.queueExpiries.popDue(data.timeMs);
    if (!due) return undefined;
    due.item.expiry = null;
    if (!due.session.home && due.item.packetId === 0) return due;
  }
}
