import { readFileSync } from 'node:fs';

/** Open files that clients never use: the store, HTTP, and the peers with their connections being replaced. */
const reservedFiles = 512;

/**
 * Returns the number of client connections for which the process has open files, or 0 if the bound is unknown. The rest
 * is reserved for peers, HTTP and the store.
 */
export function socketsMax(
  read: () => string = (): string => readFileSync('/proc/self/limits', 'utf8'),
): number {
  try {
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(read()) ?? [];
    return soft === '' ? 0 : Math.max(1, Number(soft) - reservedFiles);
  } catch {
    // Not Linux.
    return 0;
  }
}
