import { readFileSync } from 'node:fs';
import type { Recovered } from '@mqtt-cluster/contracts';
import { storeFromBackup } from '@mqtt-cluster/member';
import { createStore } from '@mqtt-cluster/store';
import { BackupError, decodeBackup } from './backup.ts';

export interface RestoreOptions {
  readonly file: string;
  /** Data directory of the member; its appliance must not run. */
  readonly directory: string;
  readonly id: string;
  readonly progress: (text: string) => void;
}

/**
 * Fills an empty store from a backup: started on it, the member is a cluster of its own with the state of the backup, and
 * the others join it with empty data directories.
 *
 * @throws ClusterError the file is no good, or the store is not empty: one clear line, and nothing was changed
 */
export async function restore({ file, directory, id, progress }: RestoreOptions): Promise<void> {
  const { header, snapshot } = decodeBackup(readWhole(file));
  progress(
    `${file}: the state of "${header.cluster}" after entry ${header.index}, taken at ${header.takenAt}`,
  );
  const store = createStore({ directory });
  const recovered = await store.open(id);
  try {
    if (!isEmpty(recovered)) {
      throw new BackupError(
        `the store in ${directory} is not empty: move it away first, a backup is restored into an empty directory only`,
      );
    }
    await store.write({ ...storeFromBackup(snapshot, { id, storeId: recovered.storeId }), dropLog: true });
  } finally {
    await store.close();
  }
  progress(`restored into ${directory}: start ${id}, then the others with empty data directories`);
}

function isEmpty({ snapshot, entries, outbox, hardState }: Recovered): boolean {
  return snapshot === null && entries.length === 0 && outbox.length === 0 && hardState.term === 0;
}

function readWhole(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new BackupError(`the file ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
