import { runCommand } from '@mqtt-cluster/kit';
import { X509Certificate } from 'node:crypto';
import type { Host } from '../bed/host.ts';
import { RehearsalError } from '../errors.ts';
import { brokerUnit } from './broker-unit.ts';

export const tlsDirectory = '/etc/mqtt-cluster/tls';
/** Files of the certificates of a broker: for the other members, and for clients. */
const certificateNames = ['member', 'server'] as const;
const clusterPort = 7883;
/** Time for the handshake and the check of the certificate. */
const openSeconds = 3;

export interface HostCertificate {
  readonly path: string;
  /** Serial number in hexadecimal digits. */
  readonly serial: string;
  readonly issuer: string;
  /** Public key (PEM). */
  readonly publicKey: string;
}

/** Reads a certificate on a host. */
export async function certificateAt(host: Host, path: string): Promise<HostCertificate> {
  const certificate = new X509Certificate(await host.ssh(`cat ${path}`));
  return {
    path,
    serial: certificate.serialNumber,
    issuer: certificate.issuer,
    publicKey: certificate.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** Reads the certificates of a broker. */
export function certificatesOf(host: Host): Promise<HostCertificate[]> {
  return Promise.all(certificateNames.map((name) => certificateAt(host, `${tlsDirectory}/${name}.pem`)));
}

/** Returns the parts of a file in PEM form that have a label, such as `X509 CRL`. */
export function pemParts(text: string, label: string): string[] {
  return text.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? [];
}

/** Returns the serial numbers that the revocation lists of the file trust.pem on a broker's host have. */
async function revokedAt(host: Host): Promise<string[]> {
  const lists = pemParts(await host.ssh(`cat ${tlsDirectory}/trust.pem`), 'X509 CRL');
  if (lists.length === 0) throw new RehearsalError(`${host.address}: trust.pem has no revocation list`);
  const texts = await Promise.all(
    lists.map((input) => runCommand('openssl', ['crl', '-noout', '-text'], { input })),
  );
  return texts.flatMap((text) =>
    [...text.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial]) => serial!),
  );
}

/** Checks that all hosts have all certificates on their revocation list. @throws RehearsalError */
export async function assertRevoked(
  hosts: readonly Host[],
  certificates: readonly HostCertificate[],
): Promise<void> {
  for (const host of hosts) {
    const revoked = await revokedAt(host);
    const missing = certificates.find(({ serial }) => !revoked.includes(serial));
    if (missing !== undefined)
      throw new RehearsalError(
        `${host.address}: the former certificate ${missing.path} is not on the revocation list`,
      );
  }
}

/**
 * Connects from a host to the cluster port of another one with a member's certificate. The member checks the certificate after
 * the handshake, and writes a refusal with its reason to its journal.
 * @param folder folder on the host with member.key, member.pem and trust.pem
 * @returns the message with which the member refused the certificate, or null
 */
export async function refusalOf(host: Host, folder: string, to: Host): Promise<string | null> {
  const files = `-cert ${folder}/member.pem -key ${folder}/member.key -CAfile ${folder}/trust.pem`;
  const since = Math.floor(Date.now() / 1_000);
  const { output } = await host.attemptSsh(
    `sleep ${openSeconds} | openssl s_client -connect ${to.address}:${clusterPort} ${files} 2>&1`,
  );
  if (!output.includes('Server certificate'))
    throw new RehearsalError(
      `${to.address}: port ${clusterPort} does not answer to ${host.address}: ${output.trim()}`,
    );
  const journal = await to.attemptSsh(
    `journalctl --unit ${brokerUnit} --output cat --since @${since} --grep 'certificate rejected'`,
  );
  return /certificate rejected[^"]*/.exec(journal.output)?.[0] ?? null;
}
