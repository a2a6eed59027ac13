import { conformanceSemantics } from '@mqtt-cluster/contracts';
import { alarm } from '../state-data.ts';
import type { ApplyContext } from '../state-data.ts';
import { tombstoneBytesMaxOf } from '../topics/retained-messages.ts';
import { nextExpired } from './queue-expiry.ts';
import { dequeue } from './queueing.ts';
import { endConnection, endSession, publishWill } from './session-ending.ts';

/**
 * Runs all timers that are due at the state's cluster time: first the expiry of retained and queued messages,
 * then the timers of sessions in the order of their deadlines. Timers with equal deadlines run in the order
 * of their creation.
 */
export function runDueTimers(context: ApplyContext): void {
  const { data } = context;
  data.retained.expire(data.timeMs, tombstoneBytesMaxOf(context.semantics));
  if (context.semantics >= conformanceSemantics) expireQueued(context);
  for (let timer = data.timers.popDue(data.timeMs); timer; timer = data.timers.popDue(data.timeMs)) {
    const { session, kind } = timer;
    session.timers[kind] = null;
    if (kind === 'orphan') {
      data.orphanCount--;
      session.connectionChanged();
      endConnection(context, session, { graceful: false, reason: 'homeLost', byHome: false });
    } else if (kind === 'will') {
      const { will, access } = session;
      session.will = null;
      if (will) publishWill(context, session.client, { will, access }, session.willByHome);
    } else if (session.home) {
      alarm(context, `session expiry of ${session.client} ignored: its client is connected`);
    } else {
      endSession(context, session, true);
    }
  }
}

/** Deletes messages that have expired in the queues of absent sessions [MQTT-3.3.2-5]. */
function expireQueued(context: ApplyContext): void {
  let count = 0;
  for (let due = nextExpired(context.data); due; due = nextExpired(context.data)) {
    dequeue(context, due.session, due.number);
    due.session.dropped++;
    count++;
  }
  if (count > 0) context.effects.push({ kind: 'dropped', reason: 'expired', count });
}
