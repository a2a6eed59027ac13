import { findMember } from '@mqtt-cluster/contracts';
import type { ClusterConfig, MemberId, StoreId } from '@mqtt-cluster/contracts';

/**
 * Returns true when a majority of the other voters report configurations without this store: the cluster
 * removed or replaced the member while it was away. No leader sends entries to a removed member, so messages
 * that it accepted would be lost.
 *
 * @param configs the recently reported configurations of the peers. The caller must leave out reports that
 * are older than the time at which this member last followed a leader, because they may be older than the
 * addition of this member.
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
