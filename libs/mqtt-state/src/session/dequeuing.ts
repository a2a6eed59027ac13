import type { ApplyContext } from '../state-data.ts';
import { cancelExpiry } from './queue-expiry.ts';
import type { QueuedMessage } from './queued-message.ts';
import type { Session } from './session.ts';

/** Removes an item from the session's queue. A removed item stays as it is. */
export function dequeue(context: ApplyContext, session: Session, item: QueuedMessage): void {
  const { data } = context;
  if (item.removed) return;
  session.items.remove(item);
  cancelExpiry(data, item);
  data.releaseBody(session, item.body);
  data.queueHolders?.update(session);
}
