import { readFileSync } from 'node:fs';
import type { RecoveredState } from '@mqtt-cluster/contracts';
import { storeFromBackup } from '@mqtt-cluster/member';
import { createStore } from '@mqtt-cluster/store';
import { BackupError, decodeBackup } from './backup.ts';

export interface RestoreOptions {
  readonly file: string;
  /** Data directory of the member. The member's appliance must not run. */
  readonly directory: string;
  readonly id: string;
  readonly progress: (line: string) => void;
}

/**
 * Fills a fresh store from a backup. A member that starts with this store forms a new cluster with the state
 * of the backup. The other members join it with empty data directories.
 *
 * @throws ClusterError the backup is invalid or the store is not empty; the store is unchanged
 */
export async function restore({ file, directory, id, progress }: RestoreOptions): Promise<void> {
  const { header, snapshot } = decodeBackup(readBackup(file));
  progress(
    `${file}: state of the cluster "${header.cluster}" after entry ${header.index}, ` +
      `taken at ${header.takenAt}`,
  );
  const store = createStore({ directory });
  const recovered = await store.open(id);
  try {
    if (!isEmpty(recovered)) {
      throw new BackupError(
        `the store in ${directory} is not empty: move it away first, because a backup is restored only ` +
          'into an empty directory',
      );
    }
    await store.write({ ...storeFromBackup(snapshot, { id, storeId: recovered.storeId }), dropLog: true });
  } finally {
    await store.close();
  }
  progress(
    `restored into ${directory}: start ${id}, then start the other members with empty data directories`,
  );
}

function isEmpty({ snapshot, entries, outbox, hardState }: RecoveredState): boolean {
  return snapshot === null && entries.length === 0 && outbox.length === 0 && hardState.term === 0;
}

function readBackup(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackupError(`the file ${file} cannot be read: ${reason}`, { cause });
  }
}
