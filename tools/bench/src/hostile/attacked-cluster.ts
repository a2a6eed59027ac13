import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@mqtt-cluster/kit';
import { mosquittoHash, startCluster } from '@mqtt-cluster/lab';
import type { RunningCluster } from '@mqtt-cluster/lab';
import { TestAuthority } from '@mqtt-cluster/testing';
import { crowdUser, password, users } from './attacker/credentials.ts';

/** Name of the cluster in the lab. */
export const clusterName = 'lab';
/** The memory of the unit in the playbooks (`broker_publisher_memory_max`). */
export const memoryCeilingBytes = 3 * 2 ** 30;
const crowdUsers = 10_000;

export interface AttackedCluster extends RunningCluster {
  readonly tlsPort: number;
}

/** What all clusters of a run share: certificates and the password file. */
export interface ClusterFiles {
  readonly folder: string;
  readonly passwordFile: string;
  readonly authority: TestAuthority;
}

/** Writes certificates and the password file. @param folder an existing folder; needs the program `openssl` */
export function writeClusterFiles(folder: string, members: number): ClusterFiles {
  const authority = new TestAuthority(folder);
  for (let number = 1; number <= members; number++)
    authority.issue(`m${number}`, { alternativeNames: `DNS:m${number}` });
  authority.issue('server', { alternativeNames: 'DNS:localhost,IP:127.0.0.1' });
  const passwordFile = join(folder, 'passwords');
  const names: string[] = [users.witness, users.newcomer, users.attacker];
  for (let number = 0; number < crowdUsers; number++) names.push(crowdUser(number));
  const lines = names.map((name) => `${name}:${mosquittoHash(password)}\n`);
  writeFileSync(passwordFile, lines.join(''), { mode: 0o600 });
  return { folder, passwordFile, authority };
}

/**
 * Starts a cluster as a site would run it: mutual TLS between members, clients with passwords, a listener with TLS beside
 * the plain one. The members reach each other without the link proxies of the lab.
 *
 * @param settings more settings of every member, as pairs of key and value
 */
export async function startAttackedCluster(
  { folder, passwordFile, authority }: ClusterFiles,
  name: string,
  members: number,
  settings: readonly (readonly [string, string])[],
): Promise<AttackedCluster> {
  const tlsPort = await freePort();
  const certificates = join(authority.caFile, '..');
  const authentication = ['cluster', 'passwordFile'];
  const tls = { key: join(certificates, 'server.key'), cert: join(certificates, 'server.crt') };
  const listeners = JSON.stringify([
    { name: 'default', kind: 'tcp', port: '{mqttPort}', authentication },
    { name: 'tls', kind: 'tls', port: tlsPort, tls, authentication },
  ]).replace('"{mqttPort}"', '{mqttPort}');
  const clusterFolder = join(folder, name);
  mkdirSync(clusterFolder, { recursive: true });
  const running = await startCluster({
    folder: clusterFolder,
    members,
    firstPortShift: 3,
    overrides: [
      ['peers', '{peers}'],
      ['tls.key', join(certificates, '{id}.key')],
      ['tls.cert', join(certificates, '{id}.crt')],
      ['tls.ca', authority.caFile],
      ['mqtt.anonymous', 'false'],
      ['mqtt.listeners', listeners],
      ['mqtt.passwordFile', passwordFile],
      ['limits.memoryBytesMax', String(memoryCeilingBytes)],
      ...settings,
    ],
  });
  return { ...running, tlsPort };
}
