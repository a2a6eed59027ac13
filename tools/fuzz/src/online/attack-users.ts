import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mosquittoHash } from '@mqtt-cluster/lab';
import { aclFile, attackPassword, attackUsers, witnessUser } from '../mqtt/attack-access.ts';

export interface AccessFiles {
  readonly passwordFile: string;
  readonly aclFile: string;
  /**
   * File with the token of administrators. A listener with PROXY headers ends the trust in requests from loopback, so
   * administrators need a token.
   */
  readonly tokenFile: string;
  readonly token: string;
  readonly witnessPassword: string;
}

/** Writes the password file and the ACL file of the attacked cluster. Only the witness has a secret password. */
export function writeAccessFiles(folder: string): AccessFiles {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const [witnessPassword, token] = [randomBytes(18).toString('base64url'), randomBytes(18).toString('hex')];
  const line = (name: string, password: string): string => `${name}:${mosquittoHash(password)}\n`;
  const lines = [
    ...attackUsers.map((name) => line(name, attackPassword)),
    line(witnessUser, witnessPassword),
  ];
  return {
    passwordFile: write('passwords', lines.join('')),
    aclFile: write('acl', aclFile),
    tokenFile: write('token', `${token}\n`),
    token,
    witnessPassword,
  };
}
