import type { Snapshot } from '@mqtt-cluster/contracts';
import { staleness } from '../health/cluster-health.ts';
import type { AdminCommandHandler } from './admin-command-handler.ts';
import { encodeBackup } from './backup.ts';

export interface BackupSource {
  readonly commandHandler: Pick<AdminCommandHandler, 'health'>;
  readonly clusterName: string;
  /** Returns the replicated state, or null before the member belongs to a cluster. */
  readonly snapshot: () => Snapshot | null;
}

/** A backup, or one sentence that says why there is none. */
type BackupOutcome = { readonly file: Uint8Array } | { readonly refusal: string };

/**
 * Takes a backup of the replicated state of this member.
 *
 * @param acceptsStale whether the state may be older than that of the cluster. If not, a member that has not caught up with a
 *   majority refuses.
 */
export async function takeBackup(
  { commandHandler, clusterName, snapshot }: BackupSource,
  acceptsStale: boolean,
): Promise<BackupOutcome> {
  const health = acceptsStale ? null : await commandHandler.health();
  const belongs = health === null || health.members.length > 0;
  const stale = health !== null && belongs ? staleness(health) : null;
  if (stale !== null)
    return {
      refusal:
        `the state of this member may be old: ${stale}; ask a member that has a majority, or ask for the last state of this ` +
        'member with stale=true',
    };
  const state = belongs ? snapshot() : null;
  if (state === null)
    return { refusal: 'this member does not belong to a cluster, so there is no state to back up' };
  return { file: encodeBackup(clusterName, state) };
}
