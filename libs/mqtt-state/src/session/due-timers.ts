import { alarm } from '../state-data.ts';
import type { ApplyContext } from '../state-data.ts';
import { endConnection, endSession, publishWill } from './session-ending.ts';

/**
 * Runs all timers that are due at the state's cluster time: first the expiry of retained messages, then the
 * timers of sessions in the order of their deadlines. Timers with equal deadlines run in the order of their
 * creation.
 */
export function runDueTimers(context: ApplyContext): void {
  const { data } = context;
  data.retained.expire(data.timeMs);
  for (let timer = data.timers.popDue(data.timeMs); timer; timer = data.timers.popDue(data.timeMs)) {
    const { session, kind } = timer;
    session.timers[kind] = null;
    if (kind === 'orphan') {
      data.orphanCount--;
      endConnection(context, session, { graceful: false, reason: 'homeLost', byHome: false });
    } else if (kind === 'will') {
      const { will } = session;
      session.will = null;
      if (will) publishWill(context, session.client, will, session.willByHome);
    } else if (session.home) {
      alarm(context, `session expiry of ${session.client} ignored: its client is connected`);
    } else {
      endSession(context, session);
    }
  }
}
