import { ClusterError, StoreFailedError, StoreFullError } from '@mqtt-cluster/contracts';

/** Error codes of a full disk: no space left, quota exceeded, or maximum file size exceeded. */
const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

const deniedCodes: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST']);

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error
    ? String(error.code)
    : 'unknown error';
}

export function isDiskFull(error: unknown): boolean {
  return error instanceof StoreFullError || fullCodes.has(codeOf(error));
}

/** Converts an error of the disk into a store error. `action` completes the sentence "cannot ...". */
export function storeError(error: unknown, action: string): ClusterError {
  if (error instanceof ClusterError) return error;
  const code = codeOf(error);
  if (isDiskFull(error)) {
    return new StoreFullError(
      `cannot ${action}: the disk is full (${code}); writes succeed again after you free space`,
      {
        cause: error,
      },
    );
  }
  if (deniedCodes.has(code)) {
    return new StoreFailedError(
      `cannot ${action} (${code}): the path must be a directory that the user of this process may write to`,
      { cause: error },
    );
  }
  return new StoreFailedError(`cannot ${action} (${code}); check the disk and restart the member`, {
    cause: error,
  });
}

/** Advice for a damaged store: the peers have all replicated data. */
export const replaceStoreAdvice =
  'the disk has lost data that was synced: move the directory away and restart the member ' +
  'with an empty directory; the member then gets all data from its peers';
