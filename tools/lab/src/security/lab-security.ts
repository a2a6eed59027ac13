import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerAccess } from '@mqtt-cluster/kit';
import type { MemberPlace } from '../layout.ts';
import { Authority } from './authority.ts';
import type { CertificateFiles } from './authority.ts';

/** The cost that mosquitto_passwd chooses. */
const iterations = 101;
const saltBytes = 12;
const hashBytes = 64;

/** Users of a secure lab: the load and its tools, and the client application. */
export type LabUser = 'load' | 'client';

/**
 * Each user may do what its program needs. In a file of mosquitto, `#` does not match the topics that begin with `$`.
 */
const aclFile = `user load
topic readwrite #
topic read $SYS/#

user client
topic read telemetry/#
topic read $SYS/#
`;

/** The certificates, users and rules of a lab with the option `--secure`. */
export interface LabSecurity {
  /** The certificate authority of the lab (PEM). */
  readonly caFile: string;
  readonly passwordFile: string;
  readonly aclFile: string;
  /** What clients of the user `load` present to the members. */
  readonly load: ServerAccess;
  /** File with the password of the client application. */
  readonly clientTokenFile: string;
  readonly clientUser: LabUser;
  /** Returns the files of a member, for its cluster port and its listener. */
  certificateOf(member: MemberPlace): CertificateFiles;
}

/**
 * Makes a certificate authority, certificates, users with random passwords and rules below the folder of a lab.
 *
 * @throws LabError when openssl is not installed or fails
 */
export function makeSecurity(labFolder: string, members: readonly MemberPlace[]): LabSecurity {
  const folder = join(labFolder, 'security');
  rmSync(folder, { recursive: true, force: true });
  const authority = new Authority(folder);
  const certificates = new Map(members.map(({ id, host }) => [id, authority.issue(id, host)]));
  const passwords: Readonly<Record<LabUser, string>> = { load: newPassword(), client: newPassword() };
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const lines = Object.entries(passwords).map(([user, password]) => `${user}:${mosquittoHash(password)}\n`);
  write('load.password', `${passwords.load}\n`);
  return {
    caFile: authority.caFile,
    passwordFile: write('passwords', lines.join('')),
    aclFile: write('acl', aclFile),
    load: { ca: authority.ca, userName: 'load', password: passwords.load },
    clientUser: 'client',
    clientTokenFile: write('client.password', `${passwords.client}\n`),
    certificateOf: ({ id }) => certificates.get(id)!,
  };
}

/** Returns what another program needs to connect to a secure lab of the folder. */
export function securityFiles(labFolder: string): {
  readonly ca: string;
  readonly user: LabUser;
  readonly passwordFile: string;
} {
  const folder = join(labFolder, 'security');
  return { ca: join(folder, 'ca.crt'), user: 'load', passwordFile: join(folder, 'load.password') };
}

function newPassword(): string {
  return randomBytes(18).toString('base64url');
}

/** Returns a hash in the format `$7$` of mosquitto_passwd: PBKDF2 with SHA-512. */
export function mosquittoHash(password: string): string {
  const salt = randomBytes(saltBytes);
  const hash = pbkdf2Sync(password, salt, iterations, hashBytes, 'sha512');
  return `$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`;
}
