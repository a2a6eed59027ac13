import type { HardState, MemberIdentity, Snapshot } from '@mqtt-cluster/contracts';
import { decodeMqttState } from '@mqtt-cluster/mqtt-state';

/**
 * Returns the content of a store that continues from a backup: the same state, with this member as the only
 * voter. All former connections count as closed. The other members join afterwards with empty disks, one
 * after the other.
 *
 * @throws FrameError this program does not support the format of the state
 */
export function storeFromBackup(
  backup: Snapshot,
  { id, storeId }: MemberIdentity,
): { readonly hardState: HardState; readonly snapshot: Snapshot } {
  const state = decodeMqttState(backup.data);
  const config = { members: [{ id, storeId, role: 'voter' as const }] };
  const index = backup.index + 1;
  state.applyConfig(index, config);
  return {
    hardState: { term: backup.term, votedFor: null },
    snapshot: { index, term: backup.term, config, data: state.encode() },
  };
}
