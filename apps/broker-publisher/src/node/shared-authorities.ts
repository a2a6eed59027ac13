import { certificatesOf } from '@mqtt-cluster/runtime';
import { readPem } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners } from '../listeners/client-listeners.ts';
import type { OpenDoor } from './start-rules.ts';

/**
 * Returns the listeners that accept certificates of the authority of the cluster. Such a listener and the cluster port
 * accept the same certificates: a client whose certificate has the name or the address of a member could pose as this
 * member. The files must have been checked.
 */
export function sharedAuthorities(config: ApplianceConfig): readonly OpenDoor[] {
  if (config.tls.ca === '') return [];
  const own = fingerprintsOf(config.tls.ca);
  return clientListeners(config).flatMap(({ name, tls, setting }): OpenDoor[] => {
    if (tls === undefined || tls.ca === '') return [];
    if (!fingerprintsOf(tls.ca).some((fingerprint) => own.includes(fingerprint))) return [];
    const text =
      `SHARED AUTHORITY: ${setting}.tls.ca contains an authority of tls.ca, so a client whose certificate has the name or ` +
      'address of a member can pose as this member at the cluster port. Sign the certificates of clients by another authority';
    return [{ fields: { listener: name, file: tls.ca }, text }];
  });
}

function fingerprintsOf(path: string): string[] {
  return certificatesOf({ path, text: readPem(path) }).map(({ fingerprint256 }) => fingerprint256);
}
