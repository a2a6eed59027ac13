import type { Home, Session, TimerKind } from './session.ts';
import type { StateData } from '../state-data.ts';

export function attachHome(data: StateData, session: Session, home: Home): void {
  session.home = home;
  let homed = data.homes.get(home.member);
  if (!homed) {
    homed = new Set();
    data.homes.set(home.member, homed);
  }
  homed.add(session);
}

export function detachHome(data: StateData, session: Session): void {
  cancelTimer(data, session, 'orphan');
  const { home } = session;
  if (!home) return;
  session.home = null;
  session.sentBelow = session.items.nextNumber;
  session.carriedMessages = session.items.size;
  session.carriedBytes = session.items.bytes;
  const homed = data.homes.get(home.member);
  homed?.delete(session);
  if (homed?.size === 0) data.homes.delete(home.member);
}

export function startTimer(data: StateData, session: Session, kind: TimerKind, deadline: number): void {
  restoreTimer(data, session, kind, deadline, ++data.timerCounter);
}

export function restoreTimer(
  data: StateData,
  session: Session,
  kind: TimerKind,
  deadline: number,
  sequence: number,
): void {
  cancelTimer(data, session, kind);
  const timer = { deadline, sequence, kind, session, cancelled: false };
  session.timers[kind] = timer;
  data.timers.push(timer);
  if (kind === 'orphan') data.orphans++;
}

export function cancelTimer(data: StateData, session: Session, kind: TimerKind): void {
  const timer = session.timers[kind];
  if (!timer) return;
  session.timers[kind] = null;
  data.timers.cancel(timer);
  if (kind === 'orphan') data.orphans--;
}
