import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withBrokers } from '../inventory.ts';

/** Name of the link in {@link linkVariables}. */
export const linkName = 'to-b';
/** Name and address of the only broker in {@link siteHosts}. */
export const siteBroker = { id: 'site-b-1', address: '10.0.0.62' } as const;
const placeholder = 'choose-your-own';
/** Password of the users in {@link siteUsers}. */
export const sitePassword = 'testbed-site-b-password';
export const siteReader = 'telemetry-client';

// docs/LINKS.md, "A second site", contains these texts word for word.

export const siteHosts = `all:
  children:
    brokers:
      hosts:
        site-b-1: { ansible_host: 10.0.0.62 }
`;

export const siteVariables = `broker_publisher_cluster_name: site-b
broker_publisher_authentication: [cluster]
firewall_admin_networks: [10.0.0.1/32]
`;

export const siteUsers = `vault_certificate_authority_passphrase: choose-your-own
vault_broker_users:
  - { name: site-a, password: choose-your-own }
  - { name: telemetry-client, password: choose-your-own }
`;

export const linkVariables = `broker_publisher_link_files:
  site-b.pem: "{{ inventory_dir }}/../site-b/pki/authority.pem"
  site-b-password: "{{ inventory_dir }}/secrets/site-b-password"
broker_publisher_links:
  to-b:
    addresses: ["mqtts://10.0.0.62:8883"]
    username: site-a
    passwordFile: site-b-password
    tls: { ca: site-b.pem }
    rules:
      - { direction: out, filter: "telemetry/#", qosMax: 2 }
      - { direction: out, filter: "site-a/#", qosMax: 1, retained: live }
      - { direction: in, filter: "site-b/#", qosMax: 2 }
`;

/** Variables that only the test bed needs; the inventory `testbed` describes them. */
const bedVariables = `ansible_user: root
ansible_ssh_private_key_file: "{{ lookup('ansible.builtin.env', 'REHEARSAL_DIRECTORY') }}/id_rehearsal"
ansible_ssh_common_args: -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
container_host_package_list_seconds_max: 0
preflight_disk_bytes_min: 1000000000
preflight_secrets_in_clear: true
time_synchronisation_enabled: false
broker_publisher_rate: 0
`;

/** An inventory, and the folder of the authority beside it. */
export interface SiteInventory {
  readonly hosts: string;
  readonly authorityDirectory: string;
}

/** Writes the inventory of the second site, with one broker and nothing else. @param directory folder of the test bed */
export function writeSecondSite(directory: string): SiteInventory {
  const folder = join(directory, 'site-b');
  rmSync(folder, { recursive: true, force: true });
  write(join(folder, 'hosts.yml'), siteHosts);
  const variables = join(folder, 'group_vars/all');
  write(join(variables, 'main.yml'), siteVariables);
  write(join(variables, 'bed.yml'), bedVariables);
  write(join(variables, 'vault.yml'), siteUsers.replaceAll(placeholder, sitePassword));
  return { hosts: join(folder, 'hosts.yml'), authorityDirectory: join(folder, 'pki') };
}

/**
 * Writes the inventory of the test bed with the variables of the link.
 *
 * @param ansible path of the folder `ansible` in the repository
 * @param brokers last numbers of the addresses of the brokers
 * @returns the path of the inventory
 */
export function writeLinkedCluster(ansible: string, directory: string, brokers: readonly number[]): string {
  const folder = join(directory, 'site-a');
  rmSync(folder, { recursive: true, force: true });
  const whole = join(ansible, 'inventories/testbed');
  write(join(folder, 'hosts.yml'), withBrokers(readFileSync(join(whole, 'hosts.yml'), 'utf8'), brokers));
  write(join(folder, 'group_vars/all/links.yml'), linkVariables);
  symlinkSync(join(whole, 'group_vars/all/main.yml'), join(folder, 'group_vars/all/main.yml'));
  write(join(folder, 'secrets/site-b-password'), `${sitePassword}\n`);
  return join(folder, 'hosts.yml');
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
