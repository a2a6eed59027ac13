import type { BodyId } from '../bodies/body-content.ts';
import type { StateData } from '../state-data.ts';
import { notScheduled } from './deadline-heap.ts';
import { ItemExpiries } from './item-expiries.ts';
import type { QueueExpiry, Session } from './session.ts';

/** Adds the expiry of a queued message, if the message has one. The queue must not have added it before. */
export function scheduleExpiry(data: StateData, session: Session, number: number, body: BodyId): void {
  const deadline = data.bodies.expiresAt(body);
  if (deadline === Infinity) return;
  const expiry = (session.queueExpiry ??= expiryOf(session));
  expiry.items.add(deadline, number);
  reschedule(data, expiry);
}

/**
 * Adds the expiries again that passed while the client was connected. So the expiries of an absent session do
 * not depend on a decode of the state.
 */
export function scheduleExpiries(data: StateData, session: Session): void {
  for (const number of session.queueExpiry?.items.takePassed() ?? []) {
    const item = session.items.find(number);
    if (item) scheduleExpiry(data, session, number, item.body);
  }
}

/** Removes the expiry of an item that has left the queue. */
export function cancelExpiry(data: StateData, { queueExpiry }: Session, number: number): void {
  if (queueExpiry === null) return;
  queueExpiry.items.removed(number);
  reschedule(data, queueExpiry);
}

/**
 * Removes and returns the next message that has expired in the queue of an absent session. The home of a
 * connected session drops expired messages itself. A QoS 2 message with a packet id stays, because its
 * exchange may have begun and must end with the client.
 */
export function nextExpired(data: StateData): { session: Session; number: number } | undefined {
  for (;;) {
    const due = data.queueExpiries.peek();
    if (!due || due.deadline > data.timeMs) return undefined;
    const { session, items } = due;
    const number = items.takeFirst();
    reschedule(data, due);
    if (number === undefined) continue;
    if (!session.home && session.items.packetIdOf(number) === 0) return { session, number };
    items.pass(number);
  }
}

function expiryOf(session: Session): QueueExpiry {
  return { deadline: Infinity, session, items: new ItemExpiries(session.items), position: notScheduled };
}

/** Updates the place of a session among all sessions after a change of its expiries. */
function reschedule({ queueExpiries }: StateData, expiry: QueueExpiry): void {
  const { first } = expiry.items;
  if (first === expiry.deadline) return;
  queueExpiries.cancel(expiry);
  expiry.deadline = first;
  if (first < Infinity) queueExpiries.push(expiry);
}
