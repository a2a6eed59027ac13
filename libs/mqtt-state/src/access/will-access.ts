import { accessSemantics } from '@mqtt-cluster/contracts';
import type { ClientId, ConnectionAccess, Will } from '@mqtt-cluster/contracts';
import { isValidUser } from './access-table.ts';
import type { ApplyContext } from '../state-data.ts';

/**
 * Decides whether a will is published when it is due. The decision depends on the users and rules of the
 * replicated state only, so every member decides alike.
 */
export function mayPublishWill(
  { data, semantics }: ApplyContext,
  _client: ClientId,
  _will: Will,
  access: ConnectionAccess | null,
): boolean {
  if (semantics < accessSemantics) return true;
  return access === null || isValidUser(data.access, access);
}
