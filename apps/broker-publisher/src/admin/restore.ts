import { readFileSync } from 'node:fs';
import type { RecoveredState } from '@mqtt-cluster/contracts';
import { storeFromBackup } from '@mqtt-cluster/member';
import { createStore } from '@mqtt-cluster/store';
import { BackupError, decodeBackup, sha256Of } from './backup.ts';

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
 * Reads the store again and compares its state with the written one, byte for byte.
 *
 * @throws ClusterError the backup is invalid or the store is not empty; the store is unchanged
 * @throws BackupError the disk returns another state than was written
 */
export async function restore({ file, directory, id, progress }: RestoreOptions): Promise<void> {
  const { header, snapshot } = decodeBackup(readBackup(file));
  progress(
    `${file}: state of the cluster "${header.cluster}" after entry ${header.index}, ` +
      `taken at ${header.takenAt}`,
  );
  const store = createStore({ directory });
  const recovered = await store.open(id);
  let written: string;
  try {
    if (!isEmpty(recovered)) {
      throw new BackupError(
        `the store in ${directory} is not empty: move it away first, because a backup is restored only ` +
          'into an empty directory',
      );
    }
    const content = storeFromBackup(snapshot, { id, storeId: recovered.storeId });
    written = sha256Of(content.snapshot.data);
    await store.write({ ...content, dropLog: true });
  } finally {
    await store.close();
  }
  await compareStore(written, { directory, id });
  progress(
    `restored into ${directory}: start ${id}, then start the other members with empty data directories`,
  );
}

/** @throws BackupError the state in the store of a stopped member has another SHA-256 */
export async function compareStore(
  sha256: string,
  { directory, id }: Pick<RestoreOptions, 'directory' | 'id'>,
): Promise<void> {
  const store = createStore({ directory });
  try {
    const { snapshot } = await store.open(id);
    if (snapshot !== null && sha256Of(snapshot.data) === sha256) return;
  } finally {
    await store.close();
  }
  throw new BackupError(
    `the store in ${directory} contains another state than was written: the disk is damaged, use another one`,
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
