import { accessSemantics } from '@mqtt-cluster/contracts';
import type { AccessCommand, ClientId, ConnectionAccess, RevokeCommand } from '@mqtt-cluster/contracts';
import { isValidUser } from './access-table.ts';
import type { Session } from '../session/session.ts';
import { endConnection, settleTakeover } from '../session/session-ending.ts';
import { cancelTimer } from '../session/session-timers.ts';
import type { ApplyContext, StateData } from '../state-data.ts';
import type { CommandResult } from '../types.ts';

const tooOld: CommandResult = {
  kind: 'accessRefused',
  reason: `semantics version ${accessSemantics} is not in force: update all members first`,
};

/** Applies an `access` command as a whole, or refuses it when a bound would be exceeded. */
export function changeAccess(context: ApplyContext, command: AccessCommand): CommandResult {
  const { data } = context;
  if (context.semantics < accessSemantics) return tooOld;
  const changed = data.access.changed(command);
  const reason = changed.exceededBound();
  if (reason !== null) return { kind: 'accessRefused', reason };
  data.access = changed;
  const { version } = changed;
  context.effects.push({ kind: 'accessChanged', version });
  const isDisabled = command.users?.some(({ disabled }) => disabled === true) ?? false;
  if (isDisabled || command.removed !== undefined)
    revokeWhere(context, (access) => !isValidUser(changed, access));
  return { kind: 'accessChanged', version };
}

/** Applies a `revoke` command: the user lost its rights outside the replicated state. */
export function revoke(context: ApplyContext, { user, source, client }: RevokeCommand): CommandResult {
  if (context.semantics < accessSemantics) return tooOld;
  const connections = revokeWhere(
    context,
    (access) => access.user === user && (source === undefined || access.source === source),
    client,
  );
  return { kind: 'revoked', connections };
}

/**
 * Ends the connections whose user has lost its rights, and discards the wills of these users, also the wills
 * that wait for their delay or for the report about a takeover. The sessions stay and keep their owners.
 * @param client the client whose session can be affected; without it, every session is searched
 * @returns the number of connections that ended
 */
function revokeWhere(
  context: ApplyContext,
  isRevoked: (access: ConnectionAccess) => boolean,
  client?: ClientId,
): number {
  const { data } = context;
  const isAffected = (access: ConnectionAccess | null | undefined): boolean =>
    access !== null && access !== undefined && isRevoked(access);
  const affected = sessionsOf(data, client).filter(
    (session) => isAffected(session.access) || isAffected(session.takenOver?.access),
  );
  let connections = 0;
  for (const session of affected.sort((left, right) => left.epoch - right.epoch)) {
    if (isAffected(session.takenOver?.access))
      settleTakeover(context, session, { graceful: true, byHome: false });
    if (!isAffected(session.access)) continue;
    if (session.home) connections++;
    session.will = null;
    cancelTimer(data, session, 'will');
    endConnection(context, session, { graceful: true, reason: 'notAuthorized', byHome: false });
  }
  return connections;
}

function sessionsOf({ sessions }: StateData, client: ClientId | undefined): Session[] {
  if (client === undefined) return [...sessions.values()];
  const session = sessions.get(client);
  return session === undefined ? [] : [session];
}
