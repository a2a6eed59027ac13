import type { ClientId, Will } from '@mqtt-cluster/contracts';
import { composeMessage } from '../codec/message-codec.ts';
import { publishMessage } from '../commands/publishing.ts';
import { dequeue, passOnGroupItems } from './queueing.ts';
import { expiryNever } from './session.ts';
import type { Session } from './session.ts';
import { cancelTimer, detachHome, startTimer } from './session-timers.ts';
import { removeSubscription } from '../topics/subscribing.ts';
import { alarm } from '../state-data.ts';
import type { Turn } from '../state-data.ts';

export interface Ending {
  readonly graceful: boolean;
  readonly reason: 'homeLost' | 'closed';
  /** The home itself says so. */
  readonly byHome: boolean;
  readonly expirySeconds?: number;
}

export function boundedExpiry(turn: Turn, seconds: number): number {
  return Math.min(seconds, turn.data.settings.sessionExpirySecondsMax, expiryNever);
}

/** The session's connection is gone: its will fires or waits, and the session ends or begins to expire. */
export function endConnection(turn: Turn, session: Session, ending: Ending): void {
  const { data } = turn;
  const { home } = session;
  if (!home) return;
  turn.effects.push({
    kind: 'connectionEnded',
    client: session.client,
    epoch: session.epoch,
    home: home.member,
    incarnation: home.incarnation,
    reason: ending.reason,
  });
  detachHome(data, session);
  if (ending.expirySeconds !== undefined) session.expirySeconds = boundedExpiry(turn, ending.expirySeconds);
  if (ending.graceful) session.will = null; // [MQTT-3.14.4-3]
  const { will, expirySeconds } = session;
  if (expirySeconds === 0) {
    session.will = null;
    endSession(turn, session);
    if (will) fireWill(turn, session.client, will, ending.byHome);
    return;
  }
  passOnGroupItems(turn, session, () => true, true);
  // [MQTT-3.1.3-9] the delay or the session's end, whichever is first
  const delaySeconds = will ? Math.min(will.delaySeconds, expirySeconds) : 0;
  if (will && delaySeconds > 0) {
    session.willByHome = ending.byHome;
    startTimer(data, session, 'will', data.timeMs + delaySeconds * 1_000);
  } else if (will) {
    session.will = null;
    fireWill(turn, session.client, will, ending.byHome);
  }
  if (expirySeconds !== expiryNever) {
    startTimer(data, session, 'end', data.timeMs + expirySeconds * 1_000);
  }
}

/** Forgets the session and everything it holds. Its will must have been dealt with. */
export function endSession(turn: Turn, session: Session): void {
  const { data } = turn;
  detachHome(data, session);
  cancelTimer(data, session, 'will');
  cancelTimer(data, session, 'end');
  data.sessions.delete(session.client);
  for (const filter of [...session.subscriptions.keys()]) removeSubscription(data, session, filter);
  const unwanted = passOnGroupItems(turn, session, () => true, false);
  if (unwanted > 0) turn.effects.push({ kind: 'dropped', reason: 'expired', count: unwanted });
  for (const entry of [...session.items.from(0)]) dequeue(turn, session, entry);
  turn.effects.push({ kind: 'sessionEnded', client: session.client });
}

export function fireWill(turn: Turn, client: ClientId, will: Will, byHome: boolean): void {
  const { topic, payload, qos, retain, properties } = will;
  const message = composeMessage(topic, payload, qos, retain, properties, client, undefined);
  const source = { member: null, origin: undefined, force: true, isolatedSince: undefined };
  publishMessage(turn, message, client, source);
  turn.effects.push({ kind: 'willFired', client, byHome });
}

/** Everything that is due, in the order of deadlines, then of the timers' creation. */
export function runTimers(turn: Turn): void {
  const { data } = turn;
  data.retained.expire(data.timeMs);
  for (let timer = data.timers.popDue(data.timeMs); timer; timer = data.timers.popDue(data.timeMs)) {
    const { session, kind } = timer;
    session.timers[kind] = null;
    if (kind === 'orphan') {
      data.orphans--;
      endConnection(turn, session, { graceful: false, reason: 'homeLost', byHome: false });
    } else if (kind === 'will') {
      const { will } = session;
      session.will = null;
      if (will) fireWill(turn, session.client, will, session.willByHome);
    } else if (session.home) {
      alarm(turn, 'A session was to end although its client is connected.');
    } else {
      endSession(turn, session);
    }
  }
}
