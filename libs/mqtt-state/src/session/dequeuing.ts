import type { ApplyContext } from '../state-data.ts';
import { cancelExpiry } from './queue-expiry.ts';
import type { Session } from './session.ts';

/** Removes an item from the session's queue. Nothing happens if the queue does not have it any more. */
export function dequeue(context: ApplyContext, session: Session, number: number): void {
  const { data } = context;
  const body = session.items.remove(number);
  if (body === null) return;
  cancelExpiry(data, session, number);
  data.releaseBody(session, body);
  data.queueHolders?.update(session);
}
