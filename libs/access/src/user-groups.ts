import type { AccessUser, Identity } from '@mqtt-cluster/contracts';

/**
 * Returns the identity with the groups by which rules decide. The groups of a user of the cluster stand in the
 * replicated state, so that a change applies to connected clients as well.
 */
export function withUserGroups(identity: Identity, users: ReadonlyMap<string, AccessUser>): Identity {
  if (identity.source !== 'cluster' || identity.user === undefined) return identity;
  return { ...identity, groups: users.get(identity.user)?.groups ?? [] };
}
