import type { Deadline } from './deadline-heap.ts';
import type { QueuedMessage } from './queued-message.ts';
import type { Session } from './session.ts';

/** The time at which a queued message expires. */
export interface QueueExpiry extends Deadline {
  readonly session: Session;
  readonly item: QueuedMessage;
}

/** Orders the expiries of queued messages in the same way on every member. */
export function expiresBefore(left: QueueExpiry, right: QueueExpiry): boolean {
  if (left.deadline !== right.deadline) return left.deadline < right.deadline;
  if (left.session !== right.session) return left.session.client < right.session.client;
  return left.item.number < right.item.number;
}
