import type { ApplyContext, StateData } from '../state-data.ts';
import { endSending } from './sent-items.ts';
import type { Home, Session } from './session.ts';
import { cancelTimer } from './session-timers.ts';

/** Sets the home of a session that has none. */
export function attachHome(data: StateData, session: Session, home: Home): void {
  session.home = home;
  session.connectionChanged();
  let homed = data.sessionsByHome.get(home.member);
  if (!homed) {
    homed = new Set();
    data.sessionsByHome.set(home.member, homed);
  }
  homed.add(session);
  data.queueHolders?.update(session);
}

/**
 * Removes the session from its home, if it has one, and records the number and size of the messages in its
 * queue.
 */
export function detachHome(context: ApplyContext, session: Session): void {
  const { data } = context;
  cancelTimer(data, session, 'orphan');
  const { home } = session;
  if (!home) return;
  session.home = null;
  session.connectionChanged();
  data.queueHolders?.update(session);
  endSending(context, session);
  session.messagesAtDisconnect = session.items.size;
  session.bytesAtDisconnect = session.items.bytes;
  const homed = data.sessionsByHome.get(home.member);
  homed?.delete(session);
  if (homed?.size === 0) data.sessionsByHome.delete(home.member);
}
