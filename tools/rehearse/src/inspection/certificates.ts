import { runCommand, waitFor } from '@mqtt-cluster/kit';
import type { ProgramResult } from '@mqtt-cluster/kit';
import { X509Certificate } from 'node:crypto';
import type { Host } from '../bed/host.ts';
import { RehearsalError } from '../errors.ts';
import { brokerUnit } from './broker-unit.ts';

export const tlsDirectory = '/etc/mqtt-cluster/tls';
/** Files of the certificates of a broker: for the other members, and for clients. */
const certificateNames = ['member', 'server'] as const;
const clusterPort = 7883;
/** Bound of the time for the handshake and the answer to CONNECT. */
const answerSecondsMax = 15;
/** Exit status of `timeout` for a command that it has ended. */
const timedOut = 124;
/** A member writes equal lines of its log at most once in 10 s. */
const logMsMax = 30_000;

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
 * CONNECT of MQTT 3.1.1 with the client id `rehearsal`, as an argument of printf. A member with an accepted certificate
 * answers with CONNACK and refuses the client, which is not a member.
 */
const connect = String.raw`\020\025\000\004MQTT\004\002\000\074\000\011rehearsal`;

/** Returns the command that sends CONNECT with the certificate of a folder. It ends when the member closes the connection. */
export function connectCommand(folder: string, address: string, port: number): string {
  const files = `-cert ${folder}/member.pem -key ${folder}/member.key -CAfile ${folder}/trust.pem`;
  // The member closes the connection, and not the client at the end of its input.
  const client = `openssl s_client -ign_eof -connect ${address}:${port} ${files}`;
  return `printf '${connect}' | timeout ${answerSecondsMax} ${client} 2>&1`;
}

/**
 * Returns whether a member has accepted the certificate, from the output of {@link connectCommand}: it has sent a CONNACK with
 * a return code of MQTT. It sends none, or one with 0x8A, if it refuses the certificate.
 *
 * @throws RehearsalError the member did not close the connection in time, or there was no handshake
 */
export function isAccepted({ status, output }: Pick<ProgramResult, 'status' | 'output'>): boolean {
  if (!output.includes('Server certificate')) throw new RehearsalError(`no TLS handshake: ${output.trim()}`);
  if (status === timedOut)
    throw new RehearsalError(`no answer to CONNECT, and no end of the connection, in ${answerSecondsMax} s`);
  return /\x20\x02[\x00\x01][\x00-\x05]/.test(output);
}

/**
 * Connects from a host to the cluster port of another one with a member's certificate. The member checks the certificate after
 * the handshake, and writes a refusal with its reason to its journal.
 * @param folder folder on the host with member.key, member.pem and trust.pem
 * @returns the message with which the member refused the certificate, or null
 */
export async function refusalOf(host: Host, folder: string, to: Host): Promise<string | null> {
  const since = Math.floor(Date.now() / 1_000);
  const answer = await host.attemptSsh(connectCommand(folder, to.address, clusterPort));
  try {
    if (isAccepted(answer)) return null;
  } catch (error) {
    throw new RehearsalError(`${to.address} to ${host.address}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return waitFor(
    `${to.address} to log why it refuses the certificate of ${host.address}`,
    async () => {
      const lines = `journalctl --unit ${brokerUnit} --output cat --since @${since} --grep 'certificate rejected'`;
      return /certificate rejected[^"]*/.exec((await to.attemptSsh(lines)).output)?.[0];
    },
    { timeoutMs: logMsMax },
  );
}
