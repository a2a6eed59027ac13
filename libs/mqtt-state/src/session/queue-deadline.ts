import type { QueueExpiry } from './session.ts';

/** Orders the sessions by the expiries of their queued messages, in the same way on every member. */
export function expiresBefore(left: QueueExpiry, right: QueueExpiry): boolean {
  if (left.deadline !== right.deadline) return left.deadline < right.deadline;
  return left.session.client < right.session.client;
}
