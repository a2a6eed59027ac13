import type { Snapshot } from '@mqtt-cluster/contracts';
import { staleness } from '../health/cluster-health.ts';
import type { AdminCommandHandler } from './admin-command-handler.ts';
import { encodeBackup } from './backup.ts';
import type { BackupSnapshot } from './backup-snapshots.ts';

export interface BackupSource {
  readonly commandHandler: Pick<AdminCommandHandler, 'health'>;
  readonly clusterName: string;
  /** Takes a snapshot of the replicated state over many turns of the event loop. */
  readonly snapshot: () => Promise<BackupSnapshot>;
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
  const stale = health !== null && health.members.length > 0 ? staleness(health) : null;
  if (stale !== null)
    return {
      refusal:
        `the state of this member may be old: ${stale}; ask a member that has a majority, or ask for the last state of this ` +
        'member with stale=true',
    };
  const taken = await snapshot();
  return 'refusal' in taken ? taken : { file: await fileOf(clusterName, taken) };
}

/** The files of the snapshots that requests share. Each needs as much memory as the state. */
const files = new WeakMap<Snapshot, Promise<Uint8Array>>();

function fileOf(clusterName: string, snapshot: Snapshot): Promise<Uint8Array> {
  const known = files.get(snapshot);
  if (known !== undefined) return known;
  const file = encodeBackup(clusterName, snapshot);
  files.set(snapshot, file);
  return file;
}
