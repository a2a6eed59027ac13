import type { StateData } from '../state-data.ts';
import type { Home, Session } from './session.ts';
import { cancelTimer } from './session-timers.ts';

/** Sets the home of a session that has none. */
export function attachHome(data: StateData, session: Session, home: Home): void {
  session.home = home;
  let homed = data.sessionsByHome.get(home.member);
  if (!homed) {
    homed = new Set();
    data.sessionsByHome.set(home.member, homed);
  }
  homed.add(session);
}

/**
 * Removes the session from its home, if it has one, and records the number and size of the messages in its
 * queue.
 */
export function detachHome(data: StateData, session: Session): void {
  cancelTimer(data, session, 'orphan');
  const { home } = session;
  if (!home) return;
  session.home = null;
  session.sentBelow = session.items.nextNumber;
  session.messagesAtDisconnect = session.items.size;
  session.bytesAtDisconnect = session.items.bytes;
  const homed = data.sessionsByHome.get(home.member);
  homed?.delete(session);
  if (homed?.size === 0) data.sessionsByHome.delete(home.member);
}
