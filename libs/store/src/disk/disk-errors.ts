import { ClusterError, StoreFailedError, StoreFullError } from '@mqtt-cluster/contracts';

/** No space, over quota, or over the largest size of a file. */
const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

const deniedCodes: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST']);

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error
    ? String(error.code)
    : 'unknown error';
}

export function isFull(error: unknown): boolean {
  return error instanceof StoreFullError || fullCodes.has(codeOf(error));
}

/** Any error of the disk as one of the store's; `what` completes the sentence "cannot ...". */
export function storeError(error: unknown, what: string): ClusterError {
  if (error instanceof ClusterError) return error;
  const code = codeOf(error);
  if (isFull(error)) {
    return new StoreFullError(`the disk is full (${code}): cannot ${what}; make space and it goes on`, {
      cause: error,
    });
  }
  if (deniedCodes.has(code)) {
    return new StoreFailedError(
      `cannot ${what} (${code}): it must be a directory that the user of this process may write`,
      { cause: error },
    );
  }
  return new StoreFailedError(`cannot ${what} (${code}); check the disk and restart the member`, {
    cause: error,
  });
}

/** What to do about a damaged store: the cluster has everything else. */
export const replaceAdvice =
  'the disk has lost data that was synced: move the directory away and start with an empty one, ' +
  'the member then gets everything from its peers';
