import { attemptCommand, runCommand } from '@mqtt-cluster/kit';
import type { ProgramResult } from '@mqtt-cluster/kit';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, messagesIn, playLocally, rejectionFault, unreachable } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';
import type { Variables } from './playbook.ts';

const msMax = 300_000;
const service = 'mqtt-cluster-certificates.service';
const vaultPassword = 'vault-password-of-the-rehearsal';
const hosts = ['one', 'two'];
const files = ['member', 'server'];
const parts = ['key', 'pem'];

/** Variables that the playbook must reject, with a part of its message. */
const wrong = (folder: string): readonly (readonly [Variables, string])[] => [
  [{ certificate_renewal_user: '' }, 'certificate_renewal_user is empty'],
  [{ certificate_renewal_inventories: ['/nowhere/hosts.yml'] }, 'the inventory of the timer must be files'],
  [{ certificate_renewal_program: '/nowhere/ansible-playbook' }, 'certificate_renewal_program is /nowhere'],
  [{ certificate_renewal_directory: '/nowhere' }, '/nowhere, which has no playbooks/certificates.yml'],
  [{ certificate_renewal_vault_password_file: '/nowhere/password' }, '/nowhere/password, which is no file'],
  [
    { certificate_renewal_vault_password_file: join(folder, 'readable') },
    'other users may read the password of the vault. Run: chmod 0400',
  ],
];

/**
 * Writes the units of the timer that renews certificates, and runs their command as systemd does, for two hosts that are
 * folders of this machine and whose passphrase is in a vault.
 *
 * @returns the first fault, or null
 */
export function renewalFault(root: string): Promise<string | null> {
  return inFolder('renewal', (folder) => faultIn(join(root, 'ansible'), folder));
}

async function faultIn(ansible: string, folder: string): Promise<string | null> {
  for (const file of ['secret', 'readable']) writeFileSync(join(folder, file), `${vaultPassword}\n`);
  chmodSync(join(folder, 'secret'), 0o400);
  chmodSync(join(folder, 'readable'), 0o644);
  const inventory = await writeInventory(folder);
  const schedule = (variables: Variables): Promise<ProgramResult> =>
    playLocally(ansible, ['-i', inventory, 'tests/renewal.yml'], {
      variables: { certificate_renewal_user: 'operator', render_to: folder, ...variables },
    });
  for (const [variables, sentence] of wrong(folder)) {
    const fault = rejectionFault(await schedule(variables), sentence);
    if (fault !== null) return `${JSON.stringify(variables)}: ${fault}`;
  }
  const scheduled = await schedule({ certificate_renewal_vault_password_file: join(folder, 'secret') });
  if (scheduled.status !== 0) return firstFailure(scheduled.output);
  return (await unitsFault(folder)) ?? (await runsFault(folder));
}

/** Writes an inventory whose hosts are folders of this machine. @returns the path of its file */
async function writeInventory(folder: string): Promise<string> {
  const passwordFile = ['--vault-password-file', join(folder, 'secret')];
  const output = await runCommand('ansible-vault', [
    'encrypt_string',
    ...passwordFile,
    'passphrase-in-the-vault',
  ]);
  const group = join(folder, 'group_vars');
  mkdirSync(group);
  const own = '{{ inventory_dir }}/hosts/{{ inventory_hostname }}';
  writeFileSync(
    join(group, 'all.yml'),
    [
      'ansible_connection: local',
      'ansible_python_interpreter: "{{ ansible_playbook_python }}"',
      `cluster_certificates_directory: "${own}"`,
      'cluster_certificates_group: root',
      `monitoring_access_directory: "${own}-access"`,
      `vault_certificate_authority_passphrase: ${output}`,
    ].join('\n'),
  );
  mkdirSync(join(folder, 'hosts'));
  return writeHosts(folder, []);
}

/** Writes the file of the inventory. @param lost names of the hosts that cannot be reached */
function writeHosts(folder: string, lost: readonly string[]): string {
  const file = join(folder, 'hosts.yml');
  const listed = hosts.map((name, index) => [
    name,
    { ansible_host: `192.0.2.${index}`, ...(lost.includes(name) && unreachable) },
  ]);
  writeFileSync(
    file,
    JSON.stringify({ all: { children: { brokers: { hosts: Object.fromEntries(listed) } } } }),
  );
  return file;
}

/** Checks the units with systemd-analyze. systemd-analyze needs an existing user, so root replaces the operator. */
async function unitsFault(folder: string): Promise<string | null> {
  const copy = join(folder, 'units');
  mkdirSync(copy);
  for (const name of [service, service.replace('.service', '.timer')]) {
    const text = readFileSync(join(folder, name), 'utf8');
    writeFileSync(join(copy, name), text.replace('User=operator', 'User=root'));
  }
  const units = [service, service.replace('.service', '.timer')].map((name) => join(copy, name));
  const { status, errorOutput } = await attemptCommand('systemd-analyze', ['verify', '--man=no', ...units]);
  return status === 0 && errorOutput.trim() === '' ? null : `systemd-analyze: ${errorOutput.trim()}`;
}

/** Runs the command of the service: certificates that are not due stay, others are replaced with their keys. */
async function runsFault(folder: string): Promise<string | null> {
  const run = (): Promise<ProgramResult> => runService(folder, null);
  if ((await runService(folder, 'wrong')).status === 0)
    return 'the service ends without an error although the password of the vault is wrong';
  const first = await run();
  if (first.status !== 0) return firstFailure(first.output + first.errorOutput);
  const issued = filesOf(folder);
  const second = await run();
  if (second.status !== 0) return firstFailure(second.output);
  const kept = filesOf(folder);
  const changed = Object.keys(issued).find((path) => kept[path] !== issued[path]);
  if (changed !== undefined) return `${changed} was replaced although it is not due`;
  // Certificates are valid for 397 days (cluster_certificates_days).
  const settings = join(folder, 'group_vars', 'all.yml');
  writeFileSync(settings, `${readFileSync(settings, 'utf8')}\ncluster_certificates_renew_days: 400\n`);
  const due = await run();
  if (due.status !== 0) return firstFailure(due.output);
  const renewed = filesOf(folder);
  const same = Object.keys(issued).find((path) => renewed[path] === issued[path]);
  return same === undefined ? leftOutFault(folder, renewed) : `${same} is due and was not replaced`;
}

/** Makes the first host unreachable while all certificates are due: the other host gets its own ones, and the run fails. */
async function leftOutFault(
  folder: string,
  before: Readonly<Record<string, string>>,
): Promise<string | null> {
  const [lost = ''] = hosts;
  writeHosts(folder, [lost]);
  const { status, output } = await runService(folder, null);
  if (status === 0) return 'the service ends without an error although a host could not be reached';
  if (!messagesIn(output).includes(`(see above): ${lost}.`)) return `no message names ${lost} as left out`;
  const after = filesOf(folder);
  const wrong = Object.keys(before).find(
    (path) => (after[path] === before[path]) !== path.startsWith(join('hosts', lost)),
  );
  return wrong === undefined ? null : `${wrong}: only the host that could not be reached must keep its files`;
}

/**
 * Runs the command of the service with the environment and the credentials that its unit describes.
 *
 * @param password content of each credential; null for the content of its file
 */
function runService(folder: string, password: string | null): Promise<ProgramResult> {
  const unit = readFileSync(join(folder, service), 'utf8').replaceAll('\\\n', '');
  const values = (key: string): string[] =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value!);
  const environment = Object.fromEntries(
    values('Environment')
      .flatMap((line) => line.split(' '))
      .map((pair) => pair.split('=') as [string, string]),
  );
  const credentials = join(folder, 'credentials');
  mkdirSync(credentials, { recursive: true });
  for (const credential of values('LoadCredential')) {
    const [name = '', path = ''] = credential.split(':');
    writeFileSync(join(credentials, name), password ?? readFileSync(path));
  }
  return attemptCommand('sh', ['-c', `exec ${values('ExecStart').join()}`], {
    directory: values('WorkingDirectory').join(),
    timeoutMs: msMax,
    environment: { ...environment, CREDENTIALS_DIRECTORY: credentials },
  });
}

/** Returns the contents of the keys and certificates of all hosts. */
function filesOf(folder: string): Readonly<Record<string, string>> {
  const paths = hosts.flatMap((host) =>
    files.flatMap((file) => parts.map((part) => join('hosts', host, `${file}.${part}`))),
  );
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}
