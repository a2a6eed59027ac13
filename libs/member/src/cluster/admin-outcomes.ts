import type { AdminOutcome } from '@mqtt-cluster/contracts';

export const accepted: AdminOutcome = { accepted: true, reason: '' };

export function refused(reason: string): AdminOutcome {
  return { accepted: false, reason };
}

/** Returns a rejection for a temporary reason: the caller may retry. */
export function retryLater(reason: string): AdminOutcome {
  return { accepted: false, reason, later: true };
}
