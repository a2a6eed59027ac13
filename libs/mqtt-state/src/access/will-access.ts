import { withUserGroups } from '@mqtt-cluster/access';
import { accessSemantics } from '@mqtt-cluster/contracts';
import type { ClientId, ConnectionAccess, Will } from '@mqtt-cluster/contracts';
import { isValidUser } from './access-table.ts';
import type { ApplyContext } from '../state-data.ts';

const unknown: ConnectionAccess = { source: 'anonymous', address: '', listener: '' };

/**
 * Decides whether a will is published when it is due. The decision depends on the users and rules of the
 * replicated state only, so every member decides alike.
 */
export function mayPublishWill(
  { data, semantics }: ApplyContext,
  client: ClientId,
  { topic, qos, retain }: Will,
  access: ConnectionAccess | null,
): boolean {
  if (semantics < accessSemantics) return true;
  // A session that was opened before users existed has the will of an anonymous client.
  const { source, user, groups = [], address, listener, willGranted }: ConnectionAccess = access ?? unknown;
  if (access !== null && !isValidUser(data.access, access)) return false;
  const { users, compiledRules } = data.access;
  const identity = { source, groups, client, address, listener, ...(user !== undefined && { user }) };
  const decision = compiledRules.decide(withUserGroups(identity, users), 'publish', topic, qos, retain);
  if (decision !== 'none') return decision === 'allow';
  return willGranted === true || compiledRules.size === 0;
}
