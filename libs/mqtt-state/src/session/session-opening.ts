import { accessSemantics, conformanceSemantics } from '@mqtt-cluster/contracts';
import type { ClientId, OpenCommand, Will } from '@mqtt-cluster/contracts';
import { isValidUser } from '../access/access-table.ts';
import { isWithinShare } from '../bounds/share.ts';
import { willBytes } from '../bounds/sizes.ts';
import { sessionGroup } from '../bounds/usage.ts';
import { copyWill } from '../codec/message-codec.ts';
import { Session } from './session.ts';
import type { Home, TakenOverConnection } from './session.ts';
import { boundedExpiry, endSession, publishWill } from './session-ending.ts';
import { attachHome, detachHome } from './session-home.ts';
import { cancelTimer } from './session-timers.ts';
import type { ApplyContext, StateData } from '../state-data.ts';
import { fillRetained } from '../topics/retained-cursors.ts';
import type { CommandResult } from '../types.ts';

/**
 * Applies an `open` command: the connection gets a new epoch, and the commands of all earlier connections of
 * the client become void. The former connection of the client ends (docs/DESIGN.md, "Wills").
 */
export function open(context: ApplyContext, command: OpenCommand, home: Home): CommandResult {
  const { data } = context;
  const known = data.sessions.get(command.client);
  if (!mayOpen(context, command, known)) return { kind: 'refused', reason: 'notAuthorized' };
  if (command.adopt && known && !isSameHome(known.home, home))
    return { kind: 'refused', reason: 'elsewhere' };
  if (!known && data.sessions.size >= data.settings.sessionsMax) {
    return { kind: 'refused', reason: 'quotaExceeded' };
  }
  if (context.semantics >= accessSemantics && !isWithinBounds(data, command, known))
    return { kind: 'refused', reason: 'quotaExceeded' };
  const resumed = known && !endsSession(context, command, known) ? known : undefined;
  const isResumed = resumed !== undefined;
  const takenOver = known
    ? takeOver(context, known, { isResumed, expectsReport: expectsReport(context, command, known) })
    : null;
  const epoch = ++data.epochCounter;
  const session = resumed ?? new Session(command.client, epoch, data.usage);
  session.epoch = epoch;
  session.expirySeconds = boundedExpiry(context, command.expirySeconds);
  session.receiveMaximum = Math.max(1, command.receiveMaximum);
  if (context.semantics >= accessSemantics) {
    session.access = command.access ?? null;
    session.owner = known?.owner ?? command.access?.user ?? null;
  }
  session.will = command.will ? copyWill(command.will) : null;
  session.takenOver = takenOver;
  data.addSession(session);
  attachHome(data, session, home);
  session.items.fillWindow(session.receiveMaximum);
  if (context.semantics >= conformanceSemantics) session.openedAt = session.items.nextNumber;
  fillRetained(context, session);
  const { expirySeconds } = session;
  return { kind: 'opened', epoch, sessionPresent: resumed !== undefined, expirySeconds }; // [5.0 MQTT-3.2.2-3]
}

/**
 * Returns whether the user of the `open` may have the session: a session with an owner belongs to this user
 * until it ends. A user of the cluster may have been deleted since the home authenticated the client.
 */
function mayOpen({ data, semantics }: ApplyContext, { access }: OpenCommand, known?: Session): boolean {
  if (semantics < accessSemantics) return true;
  if (access !== undefined && !isValidUser(data.access, access)) return false;
  const owner = known?.owner ?? null;
  return owner === null || owner === access?.user;
}

/**
 * Returns whether the cluster has room for the will and for a new session. The bounds do not apply to a session
 * that exists, so its client can always return to it.
 */
function isWithinBounds(
  { settings, sessions, usage }: StateData,
  command: OpenCommand,
  known?: Session,
): boolean {
  const { client, will, access } = command;
  const owner = known?.owner ?? access?.user ?? null;
  if (!known) {
    const held = usage.sessionsOf(sessionGroup(owner, access?.address, client));
    if (owner !== null && held >= settings.userSessionsMax) return false;
    if (!isWithinShare(held, 1, sessions.size, settings.sessionsMax)) return false;
  }
  return !will || hasRoomForWill({ settings, usage }, { client, will, owner }, known);
}

/** Returns whether the bounds permit the will of a client. */
export function hasRoomForWill(
  { settings, usage }: Pick<StateData, 'settings' | 'usage'>,
  { client, will, owner }: { readonly client: ClientId; readonly will: Will; readonly owner: string | null },
  known?: Session,
): boolean {
  const bytes = willBytes(will);
  // The client replaces a will of the same size.
  if (bytes <= (known?.willBytes ?? 0)) return true;
  const held = usage.find(owner, client)?.willBytes ?? 0;
  return (
    bytes <= settings.sessionWillBytesMax &&
    isWithinShare(held, bytes, usage.willBytes, settings.willBytesMax)
  );
}

/**
 * Returns whether the `open` ends the client's session: after Clean Start, and if the session ends with its
 * connection, whose `close` command is not applied yet [3.1.1 MQTT-3.1.2-6] [5.0 MQTT-3.1.2-4].
 */
function endsSession({ semantics }: ApplyContext, command: OpenCommand, known: Session): boolean {
  if (command.clean) return true;
  return semantics >= conformanceSemantics && known.home !== null && known.expirySeconds === 0;
}

/**
 * Ends the former connection of the client, and its session unless the session is resumed. A will whose delay
 * is running is due when the session ends [5.0 MQTT-3.1.2-8]. It is deleted when the session is resumed
 * [5.0 MQTT-3.1.3-9].
 *
 * @returns the connection, if it was open and the report about its end decides something. The client may have
 * sent DISCONNECT, and the `close` command for it may be on its way.
 */
function takeOver(
  context: ApplyContext,
  session: Session,
  { isResumed, expectsReport }: { readonly isResumed: boolean; readonly expectsReport: boolean },
): TakenOverConnection | null {
  const { data } = context;
  const { client, epoch, home, will, access } = session;
  if (home) {
    context.effects.push({
      kind: 'connectionEnded',
      client,
      epoch,
      home: home.member,
      incarnation: home.incarnation,
      reason: 'takenOver', // [3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-3]
    });
  }
  // A connection whose takeover is not settled has not received its CONNACK. So its own will does not count.
  const pending = session.takenOver;
  detachHome(context, session);
  cancelTimer(data, session, 'will');
  cancelTimer(data, session, 'expiry');
  session.takenOver = null;
  session.will = null;
  if (!isResumed) endSession(context, session);
  if (context.semantics < conformanceSemantics) return null;
  if (pending) return isResumed ? pending : withoutSession(pending);
  const isDue = will !== null && (!isResumed || will.delaySeconds === 0);
  if (home && isResumed && (isDue || expectsReport) && context.semantics >= accessSemantics)
    return { epoch, home, will, access, resumed: true };
  if (!isDue) return null;
  if (home) return { epoch, home, will, access };
  if (!isResumed) publishWill(context, client, { will, access }, session.willByHome);
  return null;
}

/**
 * Returns whether a home may report that the former connection ended the session: a DISCONNECT can change the
 * Session Expiry Interval to 0 [5.0 MQTT-3.1.2-23].
 */
function expectsReport({ semantics }: ApplyContext, command: OpenCommand, known: Session): boolean {
  if (semantics < accessSemantics || command.noReport) return false;
  return known.connected;
}

/** The session of the former connection has ended, so a will with a delay is due as well [5.0 MQTT-3.1.2-8]. */
function withoutSession({ epoch, home, will, access }: TakenOverConnection): TakenOverConnection | null {
  return will === null ? null : { epoch, home, will, access };
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
