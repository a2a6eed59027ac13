import type { BodyId } from '../bodies/body-content.ts';
import type { StateData } from '../state-data.ts';
import { notScheduled } from './deadline-heap.ts';
import type { QueueExpiry } from './queue-deadline.ts';
import type { Session } from './session.ts';

/** Adds the expiry of a queued message, if the message has one. */
export function scheduleExpiry(data: StateData, session: Session, number: number, body: BodyId): void {
  const deadline = data.bodies.expiresAt(body);
  if (deadline === Infinity || session.items.expiries.has(number)) return;
  const expiry = { deadline, session, number, position: notScheduled };
  session.items.expiries.set(number, expiry);
  data.queueExpiries.push(expiry);
}

/**
 * Adds the expiries again that passed while the client was connected. So the expiries of an absent session do
 * not depend on a decode of the state.
 */
export function scheduleExpiries(data: StateData, session: Session): void {
  for (const { number, body } of session.items.takePassedExpiries())
    scheduleExpiry(data, session, number, body);
}

export function cancelExpiry(data: StateData, session: Session, number: number): void {
  const expiry = session.items.takeExpiry(number);
  if (expiry !== undefined) data.queueExpiries.cancel(expiry);
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
    const { home, items } = due.session;
    items.takeExpiry(due.number);
    if (!home && items.packetIdOf(due.number) === 0) return due;
    items.passExpiry(due.number);
  }
}
