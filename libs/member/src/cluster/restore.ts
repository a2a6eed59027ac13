import type { HardState, MemberIdentity, Snapshot } from '@mqtt-cluster/contracts';
import { decodeMqttState } from '@mqtt-cluster/mqtt-state';

/**
 * What an empty store has to hold so that its member goes on, alone, from a backup: the same state, with this member as the
 * only voter. All former connections count as lost. The others join with empty disks, one after the other.
 *
 * @throws FrameError the state is of no format that this program knows
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
