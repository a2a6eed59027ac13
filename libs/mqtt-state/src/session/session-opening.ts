import type { OpenCommand } from '@mqtt-cluster/contracts';
import { copyWill } from '../codec/message-codec.ts';
import { Session } from './session.ts';
import type { Home } from './session.ts';
import { boundedExpiry, endSession } from './session-ending.ts';
import { attachHome, detachHome } from './session-home.ts';
import { cancelTimer } from './session-timers.ts';
import type { ApplyContext } from '../state-data.ts';
import type { CommandResult } from '../types.ts';

/**
 * Applies an `open` command: the connection gets a new epoch, and the commands of all earlier connections of
 * the client become void. A will that was not published yet is deleted, because the client is connected again
 * (P6).
 */
export function open(context: ApplyContext, command: OpenCommand, home: Home): CommandResult {
  const { data } = context;
  const known = data.sessions.get(command.client);
  if (command.adopt && known && !isSameHome(known.home, home))
    return { kind: 'refused', reason: 'elsewhere' };
  if (!known && data.sessions.size >= data.settings.sessionsMax) {
    return { kind: 'refused', reason: 'quotaExceeded' };
  }
  if (known) takeOver(context, known);
  if (known && command.clean) endSession(context, known); // [MQTT-3.1.2-4]
  const epoch = ++data.epochCounter;
  const resumed = known && !command.clean ? known : undefined;
  const session = resumed ?? new Session(command.client, epoch);
  session.epoch = epoch;
  session.expirySeconds = boundedExpiry(context, command.expirySeconds);
  session.receiveMaximum = Math.max(1, command.receiveMaximum);
  session.will = command.will ? copyWill(command.will) : null;
  data.sessions.set(session.client, session);
  attachHome(data, session, home);
  session.items.fillWindow(session.receiveMaximum);
  return { kind: 'opened', epoch, sessionPresent: resumed !== undefined }; // [MQTT-3.2.2-2]
}

function takeOver(context: ApplyContext, session: Session): void {
  const { home } = session;
  if (home) {
    context.effects.push({
      kind: 'connectionEnded',
      client: session.client,
      epoch: session.epoch,
      home: home.member,
      incarnation: home.incarnation,
      reason: 'takenOver', // [MQTT-3.1.4-3]
    });
  }
  detachHome(context, session);
  cancelTimer(context.data, session, 'will');
  cancelTimer(context.data, session, 'expiry');
}

/**
 * Returns whether the session is open at the same incarnation of this home. If so, the home itself accepted
 * the newer connection.
 */
function isSameHome(known: Home | null, home: Home): boolean {
  return (
    known?.member === home.member && known.storeId === home.storeId && known.incarnation === home.incarnation
  );
}
