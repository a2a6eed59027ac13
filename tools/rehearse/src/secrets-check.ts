import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inFolder, messagesIn, playLocally, rejectionFault } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

interface Case {
  readonly what: string;
  /** Files of the inventory beside the list of its hosts. */
  readonly files?: Readonly<Record<string, string>>;
  /** Extra variables, in addition to secrets that can be used. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Texts of the message; empty if preflight accepts the secrets. */
  readonly messages: readonly string[];
}

const secret = 'a-secret-of-the-test';
/** Lines of an inventory without a secret in clear. */
const harmless = `vault_unused: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  6162
broker_publisher_users_update_password: always
broker_publisher_password_file: /etc/passwords
ansible_become_password: "{{ vault_become_password }}"
client_password: ""
other_password: null
# other_password: ${secret}
vault_broker_users:
  - { name: admin, password: "{{ vault_admin_password }}" }
`;

const cases: readonly Case[] = [
  { what: 'secrets that can be used', files: { 'group_vars/all.yml': harmless }, messages: [] },
  {
    what: 'a passphrase that is missing, as without a vault',
    variables: { vault_certificate_authority_passphrase: null },
    messages: ['vault_certificate_authority_passphrase is empty or missing'],
  },
  {
    what: 'an empty password of Grafana',
    variables: { vault_grafana_admin_password: ' ' },
    messages: ['vault_grafana_admin_password is empty or missing'],
  },
  {
    what: 'no password of Grafana without Grafana',
    variables: { vault_grafana_admin_password: '', grafana_enabled: 'false' },
    messages: [],
  },
  {
    what: 'a password of Grafana that only the monitoring host has',
    files: { 'group_vars/monitoring.yml': 'vault_grafana_admin_password: "{{ vault_admin_password }}"\n' },
    variables: { vault_grafana_admin_password: undefined },
    messages: [],
  },
  {
    what: 'no Grafana on the monitoring host',
    files: { 'group_vars/monitoring.yml': 'grafana_enabled: false\n' },
    variables: { vault_grafana_admin_password: undefined },
    messages: [],
  },
  {
    what: 'a virtual address without its password',
    variables: { virtual_address_ip: '192.0.2.100' },
    messages: ['vault_virtual_address_password is empty or missing'],
  },
  {
    what: 'values of the example, and values that strangers try first',
    variables: {
      vault_certificate_authority_passphrase: 'choose-your-own',
      vault_grafana_admin_password: 'admin',
      vault_broker_admin_token: 'choose-your-own-too',
      vault_broker_users: [{ name: 'ann', password: 'choose-your-own' }],
    },
    messages: [
      'vault_certificate_authority_passphrase has a value that everybody knows',
      'vault_grafana_admin_password has a value that everybody knows',
      'vault_broker_admin_token has a value that everybody knows',
      'the password of the user ann is a value that everybody knows',
    ],
  },
  {
    what: 'secrets in clear',
    files: {
      'group_vars/all.yml': `ansible_become_password: ${secret}\n`,
      'group_vars/brokers/main.yaml': `vault_broker_users:\n  - { name: admin, password: '${secret}' }\n`,
      'host_vars/one': `vault_pin: 12345\n`,
      'host_vars/two.json': `{ "ansible_ssh_pass": "${secret}" }`,
    },
    messages: [
      'group_vars/all.yml (ansible_become_password)',
      'group_vars/brokers/main.yaml (password)',
      'host_vars/one (vault_pin)',
      'host_vars/two.json (ansible_ssh_pass)',
    ],
  },
  {
    what: 'secrets in clear that the inventory accepts',
    files: { 'group_vars/all.yml': `ansible_become_password: ${secret}\npreflight_secrets_in_clear: true\n` },
    messages: [],
  },
];

/**
 * Checks that preflight rejects secrets that cannot be used and secrets in clear, and that its messages contain the names of the
 * secrets, but no value. Ansible must not read the example of a vault.
 *
 * @returns the first fault, or null
 */
export async function secretsFault(ansible: string): Promise<string | null> {
  for (const each of cases) {
    const fault = await inFolder('secrets', (folder) => faultOf(each, ansible, folder));
    if (fault !== null) return `${each.what}: ${fault}`;
  }
  const example = await playLocally(ansible, ['-i', 'inventories/example/hosts.yml', 'tests/secrets.yml']);
  const fault = rejectionFault(example, 'vault_certificate_authority_passphrase is empty or missing');
  return fault === null ? null : `an inventory with only the example of a vault: ${fault}`;
}

async function faultOf(
  { files = {}, variables = {}, messages }: Case,
  ansible: string,
  folder: string,
): Promise<string | null> {
  const hosts = join(folder, 'hosts.json');
  const vars = { ansible_python_interpreter: '{{ ansible_playbook_python }}' };
  const children = { brokers: { hosts: { one: {} } }, monitoring: { hosts: { two: {} } } };
  writeFileSync(hosts, JSON.stringify({ all: { vars, children } }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const result = await playLocally(ansible, ['-i', hosts, 'tests/secrets.yml'], {
    variables: {
      vault_certificate_authority_passphrase: secret,
      vault_grafana_admin_password: secret,
      vault_admin_password: secret,
      vault_become_password: secret,
      ...variables,
    },
  });
  if (messagesIn(result.output).includes(secret)) return 'the output contains a secret';
  if (messages.length === 0) return result.status === 0 ? null : firstFailure(result.output);
  return messages.map((message) => rejectionFault(result, message)).find((fault) => fault !== null) ?? null;
}
