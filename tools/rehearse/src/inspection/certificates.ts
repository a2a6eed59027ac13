import { X509Certificate } from 'node:crypto';
import type { Host } from '../bed/host.ts';

const tlsDirectory = '/etc/mqtt-cluster/tls';
/** Files of the certificates of a broker: for the other members, and for clients. */
const certificateNames = ['member', 'server'] as const;

export interface HostCertificate {
  readonly path: string;
  /** Serial number in hexadecimal digits. */
  readonly serial: string;
  /** Public key (PEM). */
  readonly publicKey: string;
}

/** Reads a certificate on a host. */
export async function certificateAt(host: Host, path: string): Promise<HostCertificate> {
  const certificate = new X509Certificate(await host.ssh(`cat ${path}`));
  return {
    path,
    serial: certificate.serialNumber,
    publicKey: certificate.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** Reads the certificates of a broker. */
export function certificatesOf(host: Host): Promise<HostCertificate[]> {
  return Promise.all(certificateNames.map((name) => certificateAt(host, `${tlsDirectory}/${name}.pem`)));
}
