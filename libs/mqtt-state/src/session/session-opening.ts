import type { OpenCommand } from '@mqtt-cluster/contracts';
import { copyWill } from '../codec/message-codec.ts';
import { Session } from './session.ts';
import type { Home } from './session.ts';
import { attachHome, cancelTimer, detachHome } from './session-timers.ts';
import { boundedExpiry, endSession } from './session-ending.ts';
import type { Turn } from '../state-data.ts';
import type { CommandResult } from '../types.ts';

/**
 * A client's connection begins: its new epoch is the current one, whatever was before is fenced off. A will
 * that waited, or that the connection taken over left, never fires: the client is back (design, P6).
 */
export function open(turn: Turn, command: OpenCommand, home: Home): CommandResult {
  const { data } = turn;
  const known = data.sessions.get(command.client);
  if (command.adopt && known && !isSameHome(known.home, home))
    return { kind: 'refused', reason: 'elsewhere' };
  if (!known && data.sessions.size >= data.settings.sessionsMax) {
    return { kind: 'refused', reason: 'quotaExceeded' };
  }
  if (known) takeOver(turn, known);
  if (known && command.clean) endSession(turn, known); // [MQTT-3.1.2-4]
  const epoch = ++data.epochCounter;
  const resumed = known && !command.clean ? known : undefined;
  const session = resumed ?? new Session(command.client, epoch);
  session.epoch = epoch;
  session.expirySeconds = boundedExpiry(turn, command.expirySeconds);
  session.receiveMaximum = Math.max(1, command.receiveMaximum);
  session.will = command.will ? copyWill(command.will) : null;
  data.sessions.set(session.client, session);
  attachHome(data, session, home);
  session.items.fillWindow(session.receiveMaximum);
  return { kind: 'opened', epoch, sessionPresent: resumed !== undefined }; // [MQTT-3.2.2-2]
}

function takeOver(turn: Turn, session: Session): void {
  const { home } = session;
  if (home) {
    turn.effects.push({
      kind: 'connectionEnded',
      client: session.client,
      epoch: session.epoch,
      home: home.member,
      incarnation: home.incarnation,
      reason: 'takenOver', // [MQTT-3.1.4-3]
    });
  }
  detachHome(turn.data, session);
  cancelTimer(turn.data, session, 'will');
  cancelTimer(turn.data, session, 'end');
}

/** A later connection to the same home, also without a majority, is the newest one. */
function isSameHome(known: Home | null, home: Home): boolean {
  return (
    known?.member === home.member && known.storeId === home.storeId && known.incarnation === home.incarnation
  );
}
