import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@mqtt-cluster/kit';
import type { MemberPlace } from '@mqtt-cluster/lab';
import { aclFile, attackPassword, attackUsers, operatorUser, witnessUser } from '../mqtt/attack-access.ts';

/** Cost and sizes of a hash of mosquitto_passwd 2.0. */
const iterations = 101;
const saltBytes = 12;
const hashBytes = 64;
const operatorMsMax = 600_000;
const operatorIntervalMs = 500;

export interface AccessFiles {
  readonly passwordFile: string;
  readonly aclFile: string;
  /** File with the token of administrators. The listener behind a proxy ends the trust in requests from this host. */
  readonly tokenFile: string;
  readonly token: string;
  readonly witnessPassword: string;
}

/** Writes the password file and the ACL file of the attacked cluster. Only the witness has a secret password. */
export function writeAccessFiles(folder: string): AccessFiles {
  mkdirSync(folder, { recursive: true });
  const [witnessPassword, token] = [randomBytes(18).toString('base64url'), randomBytes(18).toString('hex')];
  const users = [...attackUsers.map((name) => [name, attackPassword]), [witnessUser, witnessPassword]];
  const lines = users.map(([name, password]) => `${name}:${hashOf(password!)}\n`);
  const [passwordFile, acl, tokenFile] = ['passwords', 'acl', 'token'].map((name) => join(folder, name));
  writeFileSync(passwordFile!, lines.join(''), { mode: 0o600 });
  writeFileSync(acl!, aclFile);
  writeFileSync(tokenFile!, `${token}\n`, { mode: 0o600 });
  return { passwordFile: passwordFile!, aclFile: acl!, tokenFile: tokenFile!, token, witnessPassword };
}

function hashOf(password: string): string {
  const salt = randomBytes(saltBytes);
  const hash = pbkdf2Sync(password, salt, iterations, hashBytes, 'sha512');
  return `$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/**
 * Adds the operator, a user of the cluster. Users, and sessions with an owner, need semantics version 4, which a new cluster has
 * soon after all members serve. Before that, the sessions of the witness would belong to nobody.
 */
export async function addOperator({ host, httpPort }: MemberPlace, token: string): Promise<void> {
  await waitFor(
    `the user ${operatorUser}`,
    async () => {
      const response = await fetch(`http://${host}:${httpPort}/cluster/users/${operatorUser}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ password: attackPassword, role: 'operator' }),
      });
      if (!response.ok) throw new Error(await response.text());
      return true;
    },
    { timeoutMs: operatorMsMax, intervalMs: operatorIntervalMs },
  );
}
