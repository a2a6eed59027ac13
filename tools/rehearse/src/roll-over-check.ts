import type { ProgramResult } from '@mqtt-cluster/kit';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AuthorityHosts } from './authority-hosts.ts';
import { inFolder, rejectionFault } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

/** Tags of site.yml that need real hosts. */
const skipped = 'preflight,containers,time,firewall,brokers,virtual_address,clients,monitoring';

/**
 * Runs roll-over-authority.yml with faults. Before `begin` a host cannot be reached; `begin` ends before the revocation list of
 * the next authority exists; files of some hosts lack one of the authorities.
 *
 * @returns the first fault, or null
 */
export function rollOverFault(ansible: string): Promise<string | null> {
  return inFolder('roll-over', (folder) => faultOf(new AuthorityHosts(ansible, folder)));
}

async function faultOf(hosts: AuthorityHosts): Promise<string | null> {
  const issued = await hosts.issue();
  if (issued.status !== 0) return firstFailure(issued.output);
  const unreachable = await refusalFault(hosts, () => begin(hosts, ['two']), "two can't be reached by ssh");
  if (unreachable !== null) return `begin while a host cannot be reached: ${unreachable}`;
  const failed = await step(hosts, 'begin', ['one']);
  if (failed.status === 0) return 'begin reports success although a host could not be reached';
  if (!existsSync(hosts.authorityFile('next.pem')))
    return `begin created no authority: ${firstFailure(failed.output)}`;
  rmSync(hosts.authorityFile('next.crl'), { force: true });
  const next = readFileSync(hosts.authorityFile('next.pem'), 'utf8');
  const half = await refusalFault(hosts, () => step(hosts, 'switch'), 'does not have the files next.crl');
  if (half !== null) return `switch after a failed begin: ${half}`;
  const repeated = await step(hosts, 'begin');
  if (repeated.status !== 0) return `a second begin: ${firstFailure(repeated.output)}`;
  if (readFileSync(hosts.authorityFile('next.pem'), 'utf8') !== next)
    return 'a second begin replaced the next authority';
  const early = await behindFault(hosts, 'switch');
  if (early !== null) return early;
  const switched = await step(hosts, 'switch');
  if (switched.status !== 0) return `switch: ${firstFailure(switched.output)}`;
  if (readFileSync(hosts.authorityFile('authority.pem'), 'utf8') !== next)
    return 'the next authority does not sign after switch';
  return behindFault(hosts, 'finish');
}

/**
 * Takes a step while files of three hosts have other certificates of authorities. The message must name each of these files. After
 * that all hosts trust the authorities.
 *
 * @returns the fault, or null
 */
async function behindFault(hosts: AuthorityHosts, name: string): Promise<string | null> {
  const member = hosts.hostFile('two', 'trust.pem');
  const trust = readFileSync(member, 'utf8');
  for (const file of [member, ...Object.values(trustFiles(hosts))]) writeTrust(file, 'other certificates');
  const { access, client, grafana, backup } = trustFiles(hosts);
  const behind = `one (${access}), two (${member}), three (${client} and ${grafana} and ${backup})`;
  const sentence = `these hosts do not have the certificates of both authorities yet: ${behind}. Run site.yml`;
  const fault = await refusalFault(hosts, () => step(hosts, name), sentence);
  writeTrust(member, trust);
  const authorities = readFileSync(hosts.authorityFile('authorities.pem'), 'utf8');
  for (const file of [access, client, backup]) writeTrust(file, authorities);
  writeTrust(grafana, `tlsCACert: |\n${authorities.replaceAll(/^/gm, ' '.repeat(8))}`);
  return fault === null ? null : `${name} while hosts do not trust both authorities: ${fault}`;
}

/** Returns the files of other programs than the broker with the certificates of the authorities. */
function trustFiles(
  hosts: AuthorityHosts,
): Readonly<Record<'access' | 'backup' | 'client' | 'grafana', string>> {
  return {
    access: join(hosts.accessFolder('one'), 'authority.pem'),
    client: hosts.hostFile('three', 'client-authority.pem'),
    grafana: hosts.hostFile('three', 'provisioning/datasources/mqtt-cluster.yml'),
    backup: hosts.hostFile('three', 'backup/authority.pem'),
  };
}

function writeTrust(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Checks that a step is refused with a message, and changes no file of the authority. @returns the fault, or null */
async function refusalFault(
  hosts: AuthorityHosts,
  play: () => Promise<ProgramResult>,
  sentence: string,
): Promise<string | null> {
  const before = JSON.stringify(hosts.authorityFiles());
  const fault = rejectionFault(await play(), sentence);
  if (fault !== null) return fault;
  return JSON.stringify(hosts.authorityFiles()) === before ? null : 'files of the authority have changed';
}

function begin(hosts: AuthorityHosts, lost: readonly string[]): Promise<ProgramResult> {
  return hosts.play(['playbooks/roll-over-authority.yml'], { lost, variables: { step: 'begin' } });
}

/** Takes a step without the parts of the playbook that need real hosts. The broker three is the client and the monitoring, too. */
function step(hosts: AuthorityHosts, name: string, lost: readonly string[] = []): Promise<ProgramResult> {
  const roles = join(dirname(hosts.authorityFile('')), 'roles.json');
  const three = { hosts: { three: {} } };
  writeFileSync(roles, JSON.stringify({ clients: three, monitoring: three }));
  const { client, grafana, backup } = trustFiles(hosts);
  return hosts.play(['-i', roles, 'playbooks/roll-over-authority.yml', '--skip-tags', skipped], {
    lost,
    variables: {
      step: name,
      monitoring_access_password: "{{ 'static' if inventory_hostname == 'one' else '' }}",
      grafana_prometheus_password: 'static',
      client_authority_file: client,
      grafana_settings: join(dirname(grafana), '../..'),
      backup_settings: dirname(backup),
      backup_enabled: true,
    },
  });
}
