import { readFileSync } from 'node:fs';
import type { Logger } from '@mqtt-cluster/contracts';
import type { ApplianceConfig } from '../config.ts';

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

/**
 * Warns if the process may open too few files for the connections that the settings permit. The member then refuses
 * clients below its own bounds.
 *
 * @param sockets the result of {@link socketsMax}
 */
export function reportOpenFiles(
  sockets: number,
  { mqtt, limits }: Pick<ApplianceConfig, 'mqtt' | 'limits'>,
  logger: Logger,
): void {
  const permitted = mqtt.clientsMax + limits.clients.unauthenticatedMax;
  if (sockets === 0 || sockets >= permitted) return;
  const openFilesMax = sockets + reservedFiles;
  logger.warn(
    { openFilesMax, needed: permitted + reservedFiles },
    `the process may open ${openFilesMax} files, which leaves ${sockets} for clients; mqtt.clientsMax and ` +
      `limits.clients.unauthenticatedMax permit ${permitted}: raise the limit of open files to at least ` +
      `${permitted + reservedFiles} (systemd: LimitNOFILE), or lower these settings`,
  );
}
