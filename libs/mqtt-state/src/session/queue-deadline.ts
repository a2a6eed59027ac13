import type { Deadline } from './deadline-heap.ts';
import type { Session } from './session.ts';

/** The time at which a queued message expires. */
export interface QueueExpiry extends Deadline {
  readonly session: Session;
  /** Number of the item in the session's queue. */
  readonly number: number;
}

/** Orders the expiries of queued messages in the same way on every member. */
export function expiresBefore(left: QueueExpiry, right: QueueExpiry): boolean {
  if (left.deadline !== right.deadline) return left.deadline < right.deadline;
  if (left.session !== right.session) return left.session.client < right.session.client;
  return left.number < right.number;
}
