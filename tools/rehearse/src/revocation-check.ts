import { attemptCommand } from '@mqtt-cluster/kit';
import type { ProgramResult } from '@mqtt-cluster/kit';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, inventoryWithLost, messagesIn, playLocally, withHealth } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

const leftOut = 'They do not have the new revocation lists and certificates';

/** Hosts that are folders of this machine, with certificates of an authority. */
class Hosts {
  readonly #ansible: string;
  readonly #folder: string;

  constructor(ansible: string, folder: string) {
    this.#ansible = ansible;
    this.#folder = folder;
    writeFileSync(join(folder, 'podman'), `#!/bin/sh\necho "$*" >>'${this.#journal}'\n`);
    chmodSync(join(folder, 'podman'), 0o755);
  }

  get #journal(): string {
    return join(this.#folder, 'commands');
  }

  /** Runs a playbook while some hosts cannot be reached, and the broker two lists the brokers one and two as members. */
  play(lost: readonly string[], ...args: readonly string[]): Promise<ProgramResult> {
    const members = ['one', 'two'].map((id) => ({ id, ok: true }));
    return withHealth('two', { majority: true, members }, (port) =>
      playLocally(this.#ansible, ['-i', inventoryWithLost(this.#folder, lost), ...args], {
        variables: {
          host: 'three',
          broker_publisher_http_port: String(port),
          cluster_certificates_authority_directory: join(this.#folder, 'pki'),
          cluster_certificates_directory: join(this.#folder, 'hosts-{{ inventory_hostname }}'),
          cluster_certificates_group: 'root',
          vault_certificate_authority_passphrase: 'static',
          monitoring_access_directory: join(this.#folder, 'access-{{ inventory_hostname }}'),
        },
        environment: { PATH: `${this.#folder}:${process.env.PATH}` },
      }),
    );
  }

  /** Returns whether the file of a host has the list in which the certificate of the host three is revoked. */
  async hasRevocation(host: string): Promise<boolean> {
    const list = join(this.#folder, 'pki', 'authority.crl');
    const serial = await this.#openssl(
      'x509',
      '-noout',
      '-serial',
      '-in',
      join(this.#folder, 'pki', 'three.pem'),
    );
    const revoked = await this.#openssl('crl', '-noout', '-text', '-in', list);
    return (
      revoked.includes(`Serial Number: ${serial.trim().replace('serial=', '')}`) &&
      readFileSync(this.#trustOf(host), 'utf8').includes(readFileSync(list, 'utf8'))
    );
  }

  deleteTrustOf(host: string): void {
    rmSync(this.#trustOf(host));
  }

  /** Returns the commands that podman received. */
  get commands(): string {
    return existsSync(this.#journal) ? readFileSync(this.#journal, 'utf8') : '';
  }

  #trustOf(host: string): string {
    return join(this.#folder, `hosts-${host}`, 'trust.pem');
  }

  async #openssl(...args: readonly string[]): Promise<string> {
    return (await attemptCommand('openssl', args)).output;
  }
}

/**
 * Runs remove-host.yml for a host that a former run has removed from the cluster, while it and another host are lost: the
 * playbook gives no admin command, revokes the certificates, and names the host that did not get the list. Then runs the part
 * of replace-host.yml that passes the list on.
 *
 * @returns the first fault, or null
 */
export function revocationFault(ansible: string): Promise<string | null> {
  return inFolder('revocation', (folder) => faultOf(new Hosts(ansible, folder)));
}

async function faultOf(hosts: Hosts): Promise<string | null> {
  const issued = await hosts.play([], 'playbooks/certificates.yml', '--tags', 'certificates');
  if (issued.status !== 0) return firstFailure(issued.output);
  const removed = await hosts.play(['one', 'three'], 'playbooks/remove-host.yml');
  if (hosts.commands !== '') return `a second removal gave the commands ${hosts.commands}`;
  const removal = await leftOutFault(hosts, removed);
  if (removal !== null) return `remove-host.yml with a lost host: ${removal}`;
  // Without the plays for the new host.
  hosts.deleteTrustOf('two');
  const replaced = await hosts.play(['one'], 'playbooks/replace-host.yml', '--limit', 'one,two');
  const replacement = await leftOutFault(hosts, replaced);
  if (replacement !== null) return `replace-host.yml with a lost host: ${replacement}`;
  const repeated = await hosts.play(['three'], 'playbooks/remove-host.yml');
  if (repeated.status !== 0) return `remove-host.yml when the host is back: ${firstFailure(repeated.output)}`;
  return (await hosts.hasRevocation('one')) ? null : 'the host that is back did not get the revocation list';
}

async function leftOutFault(hosts: Hosts, { status, output }: ProgramResult): Promise<string | null> {
  if (status === 0) return 'the playbook reports success';
  if (!messagesIn(output).includes(`(see above): one. ${leftOut}`))
    return `no message names the host that was left out: ${firstFailure(output)}`;
  if (await hosts.hasRevocation('one')) return 'the lost host has the list: the check is wrong';
  return (await hosts.hasRevocation('two')) ? null : 'the other broker did not get the revocation list';
}
