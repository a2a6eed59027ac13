import { findMember } from '@mqtt-cluster/contracts';
import type { ClusterConfig, MemberId, StoreId } from '@mqtt-cluster/contracts';

/**
 * Whether most of the others who vote, as far as this store knows, say that the cluster does not count it any more: it was
 * removed, or replaced, while it was away. No leader tells it so, and what it took in alone would never arrive.
 *
 * @param configs what each has said lately: what was said before this member last followed a leader may be older than its admission
 */
export function isRemovedByQuorum(
  id: MemberId,
  storeId: StoreId,
  config: ClusterConfig,
  configs: ReadonlyMap<MemberId, ClusterConfig>,
): boolean {
  const others = config.members.filter((member) => member.role === 'voter' && member.id !== id);
  const removing = others.filter((other) => {
    const theirs = configs.get(other.id);
    return theirs !== undefined && findMember(theirs, id)?.storeId !== storeId;
  });
  return removing.length * 2 > others.length;
}
