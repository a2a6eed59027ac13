import type { StateData } from '../state-data.ts';
import { notScheduled } from './deadline-heap.ts';
import type { Session, TimerKind } from './session.ts';

/**
 * Starts a timer of the session, in place of a running timer of the same kind.
 * @param deadline cluster time, ms
 */
export function startTimer(data: StateData, session: Session, kind: TimerKind, deadline: number): void {
  restoreTimer(data, session, kind, deadline, ++data.timerCounter);
}

/** Starts a timer of a decoded state with the sequence number that the timer had in the encoded state. */
export function restoreTimer(
  data: StateData,
  session: Session,
  kind: TimerKind,
  deadline: number,
  sequence: number,
): void {
  cancelTimer(data, session, kind);
  const timer = { deadline, sequence, kind, session, position: notScheduled };
  session.timers[kind] = timer;
  data.timers.push(timer);
  if (kind !== 'orphan') return;
  data.orphanCount++;
  session.connectionChanged();
}

export function cancelTimer(data: StateData, session: Session, kind: TimerKind): void {
  const timer = session.timers[kind];
  if (!timer) return;
  session.timers[kind] = null;
  data.timers.cancel(timer);
  if (kind !== 'orphan') return;
  data.orphanCount--;
  session.connectionChanged();
}
