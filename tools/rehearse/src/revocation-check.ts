import { runCommand } from '@mqtt-cluster/kit';
import type { ProgramResult } from '@mqtt-cluster/kit';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { AuthorityHosts } from './authority-hosts.ts';
import { inFolder, messagesIn } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

const leftOut = '(see above): one. They do not have the new revocation lists and certificates';
const removal = ['playbooks/remove-host.yml'];
const variables = { host: 'three' };

/**
 * Runs remove-host.yml for a host that a former run has removed from the cluster, while it and another host are lost: the
 * playbook gives no admin command, revokes the certificates, and names the host that did not get the list. Then runs the part
 * of replace-host.yml that passes the list on.
 *
 * @returns the first fault, or null
 */
export function revocationFault(ansible: string): Promise<string | null> {
  return inFolder('revocation', (folder) => faultOf(new AuthorityHosts(ansible, folder)));
}

async function faultOf(hosts: AuthorityHosts): Promise<string | null> {
  const issued = await hosts.issue();
  if (issued.status !== 0) return firstFailure(issued.output);
  const removed = await hosts.play(removal, { lost: ['one', 'three'], variables });
  if (hosts.commands !== '') return `a second removal gave the commands ${hosts.commands}`;
  const removalFault = await leftOutFault(hosts, removed);
  if (removalFault !== null) return `remove-host.yml with a lost host: ${removalFault}`;
  rmSync(hosts.hostFile('two', 'trust.pem'));
  // Without the plays for the new host.
  const args = ['playbooks/replace-host.yml', '--limit', 'one,two'];
  const replaced = await hosts.play(args, { lost: ['one'], variables });
  const replacementFault = await leftOutFault(hosts, replaced);
  if (replacementFault !== null) return `replace-host.yml with a lost host: ${replacementFault}`;
  const repeated = await hosts.play(removal, { lost: ['three'], variables });
  if (repeated.status !== 0) return `remove-host.yml when the host is back: ${firstFailure(repeated.output)}`;
  return (await hasRevocation(hosts, 'one')) ? null : 'the host that is back did not get the revocation list';
}

async function leftOutFault(
  hosts: AuthorityHosts,
  { status, output }: ProgramResult,
): Promise<string | null> {
  if (status === 0) return 'the playbook reports success';
  if (!(await hasRevocation(hosts, 'two'))) return 'the other broker did not get the revocation list';
  if (await hasRevocation(hosts, 'one')) return 'the lost host has the list: the check is wrong';
  return messagesIn(output).includes(leftOut)
    ? null
    : `no message names the host that was left out: ${firstFailure(output)}`;
}

/** Returns whether the file of a host has the list in which the certificate of the host three is revoked. */
async function hasRevocation(hosts: AuthorityHosts, host: string): Promise<boolean> {
  const list = hosts.authorityFile('authority.crl');
  const certificate = hosts.authorityFile('three.pem');
  const serial = await runCommand('openssl', ['x509', '-noout', '-serial', '-in', certificate]);
  const revoked = await runCommand('openssl', ['crl', '-noout', '-text', '-in', list]);
  const trust = hosts.hostFile(host, 'trust.pem');
  return (
    revoked.includes(`Serial Number: ${serial.trim().replace('serial=', '')}`) &&
    existsSync(trust) &&
    readFileSync(trust, 'utf8').includes(readFileSync(list, 'utf8'))
  );
}
