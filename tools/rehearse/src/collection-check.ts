import { attemptCommand } from '@mqtt-cluster/kit';
import type { ProgramResult } from '@mqtt-cluster/kit';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, playLocally } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

const msMax = 300_000;
const name = 'mqtt_cluster.deploy';

/** Files that the collection may contain. Inventories, keys and tests are not among them. */
const contents: readonly RegExp[] = [
  /^(MANIFEST\.json|FILES\.json|LICENSE|README\.md|requirements\.yml|meta\/runtime\.yml)$/,
  /^playbooks\/[a-z_]+\.yml$/,
  /^plugins\/filter\/[a-z_]+\.py$/,
  /^roles\/[a-z_]+\/(defaults|handlers|meta|tasks|vars)\/[a-z_-]+\.yml$/,
  /^roles\/[a-z_]+\/templates\/[a-z._-]+\.j2$/,
  /^roles\/grafana\/files\/dashboards\/[a-z-]+\.json$/,
  /^roles\/prometheus\/files\/(alertmanager\.yml|(rules|alerts)\/[a-z-]+\.yml|runbooks\/\w+\.md)$/,
];

/** Folders of the project that a role contains as links. The collection contains all of their files. */
const linked = {
  'monitoring/prometheus/rules': 'roles/prometheus/files/rules',
  'monitoring/prometheus/alerts': 'roles/prometheus/files/alerts',
  'monitoring/runbooks': 'roles/prometheus/files/runbooks',
  'monitoring/grafana/dashboards': 'roles/grafana/files/dashboards',
};

/**
 * Builds the collection, installs it without network into an empty folder, and uses its roles and its playbooks there.
 * @returns the first problem, or null
 */
export function collectionFault(root: string): Promise<string | null> {
  return inFolder('collection', (scratch) => faultIn(root, scratch));
}

async function faultIn(root: string, scratch: string): Promise<string | null> {
  const built = await attemptCommand('node', [join(root, 'scripts/collection.mjs'), '--out', scratch]);
  if (built.status !== 0) return `the build failed: ${lastLine(built.errorOutput)}`;
  const file = built.output.trim();
  const listed = await attemptCommand('tar', ['-tzvf', file]);
  const fault = unexpectedContent(root, listed.output) ?? requirementsFault(join(root, 'ansible')) ?? null;
  if (fault !== null) return fault;
  const install = ['collection', 'install', '--offline', '--no-deps', '-p', scratch, file];
  const installed = await attemptCommand('ansible-galaxy', install, { timeoutMs: msMax });
  if (installed.status !== 0) return `the installation failed: ${lastLine(installed.errorOutput)}`;
  const folder = join(scratch, 'ansible_collections', ...name.split('.'));
  return pathOut(folder) ?? (await useFault(root, scratch, folder));
}

/** @param listing output of `tar -tv` */
function unexpectedContent(root: string, listing: string): string | null {
  const entries = listing
    .trim()
    .split('\n')
    .map((line) => ({ kind: line[0], path: line.split(/\s+/).slice(5).join(' ') }));
  const files = entries.filter(({ kind }) => kind !== 'd').map(({ path }) => path);
  const link = entries.find(({ kind }) => kind !== 'd' && kind !== '-');
  if (link !== undefined) return `${link.path} is a link`;
  const unexpected = files.find((path) => !contents.some((pattern) => pattern.test(path)));
  if (unexpected !== undefined) return `the collection must not contain ${unexpected}`;
  for (const [source, target] of Object.entries(linked)) {
    const missing = readdirSync(join(root, source)).find((file) => !files.includes(`${target}/${file}`));
    if (missing !== undefined) return `the collection lacks ${target}/${missing}`;
  }
  return null;
}

/** The collection and the playbooks of a clone need the same versions of other collections. */
function requirementsFault(ansible: string): string | null {
  const versions = (file: string, pattern: RegExp): string =>
    [...readFileSync(join(ansible, file), 'utf8').matchAll(pattern)]
      .map(([, each, version]) => `${each} ${version}`)
      .join();
  const wanted = versions('galaxy.yml', /^ {2}([a-z.]+): "(.*)"$/gm);
  const given = versions('requirements.yml', /^ {2}- name: (.*)\n {4}version: "(.*)"$/gm);
  return wanted === given && wanted !== ''
    ? null
    : `galaxy.yml needs "${wanted}", and requirements.yml "${given}"`;
}

/** @returns the first line of a role, playbook or plugin that names a path out of it, or null */
export function pathOut(folder: string): string | null {
  for (const part of ['roles', 'playbooks', 'plugins']) {
    for (const path of readdirSync(join(folder, part), { recursive: true, encoding: 'utf8' })) {
      // Dashboards and documents for people name no files of the control node.
      if (!/\.(yml|j2|py)$/.test(path)) continue;
      const lines = readFileSync(join(folder, part, path), 'utf8').split('\n');
      const index = lines.findIndex((line) => /\.\.\/|\bplaybook_dir\b/.test(line));
      if (index >= 0)
        return `${part}/${path}:${index + 1} names a path out of the role: ${lines[index]!.trim()}`;
    }
  }
  return null;
}

/** Uses each role by its full name, and runs the playbook preflight, whose roles include others and use the filters. */
async function useFault(root: string, scratch: string, folder: string): Promise<string | null> {
  const work = join(scratch, 'work');
  mkdirSync(work);
  copyFileSync(join(root, 'ansible/tests/inventories/here.yml'), join(work, 'hosts.yml'));
  const roles = readdirSync(join(folder, 'roles')).map((role) => `    - ${name}.${role}\n`);
  writeFileSync(join(work, 'roles.yml'), `- hosts: all\n  roles:\n${roles.join('')}`);
  const play = (
    args: readonly string[],
    variables: Readonly<Record<string, unknown>>,
  ): Promise<ProgramResult> =>
    playLocally(work, ['-i', 'hosts.yml', ...args], {
      variables,
      environment: { ANSIBLE_COLLECTIONS_PATH: scratch },
    });
  const playbooks = readdirSync(join(folder, 'playbooks')).map(
    (file) => `${name}.${file.replace('.yml', '')}`,
  );
  const { status, errorOutput } = await play(['--syntax-check', 'roles.yml', ...playbooks], { host: 'one' });
  if (status !== 0) return `syntax: ${lastLine(errorOutput)}`;
  const wrong = {
    firewall_admin_networks: ['10.0.0.1/24'],
    preflight_disk_bytes_min: 1,
    mqtt_cluster_version: 'static',
    vault_certificate_authority_passphrase: 'static',
  };
  const { output } = await play([`${name}.preflight`], wrong);
  return output.includes('are no networks: 10.0.0.1/24')
    ? null
    : `the playbook preflight of the collection did not check the networks: ${firstFailure(output)}`;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
