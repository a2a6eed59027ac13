import { findMember } from '@mqtt-cluster/contracts';
import type { ClusterConfig, HelloMessage, MemberId, StoreId } from '@mqtt-cluster/contracts';

/**
 * Whether most of those who vote, as far as this store knows, say that the cluster does not count it any more: it was removed, or
 * replaced, while it was away. No leader tells it so, and what it took in alone would never arrive. Who was let in a moment ago
 * may be taken for one, until it hears the leader.
 */
export function isDisowned(
  id: MemberId,
  storeId: StoreId,
  config: ClusterConfig,
  hellos: ReadonlyMap<MemberId, HelloMessage>,
): boolean {
  const voters = config.members.filter(({ role }) => role === 'voter');
  const disowning = voters.filter((voter) => {
    const theirs = voter.id === id ? null : (hellos.get(voter.id)?.config ?? null);
    return theirs !== null && findMember(theirs, id)?.storeId !== storeId;
  });
  return disowning.length * 2 > voters.length;
}
