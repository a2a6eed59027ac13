import type { ProgramResult } from '@mqtt-cluster/kit';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { AuthorityHosts } from './authority-hosts.ts';
import { inFolder, rejectionFault } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

/** Tags of site.yml that need real hosts. */
const skipped = 'preflight,containers,time,firewall,brokers,virtual_address,clients,monitoring';

/**
 * Runs roll-over-authority.yml with faults. Before `begin` a host cannot be reached; `begin` ends before the revocation list of
 * the next authority exists; one host does not trust both authorities.
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

/** Takes a step while the host two has other certificates of authorities. @returns the fault, or null */
async function behindFault(hosts: AuthorityHosts, name: string): Promise<string | null> {
  const file = hosts.hostFile('two', 'authority.pem');
  const bundle = readFileSync(file, 'utf8');
  writeFileSync(file, 'other certificates');
  const sentence = 'these hosts do not have the certificates of both authorities yet: two. Run site.yml';
  const fault = await refusalFault(hosts, () => step(hosts, name), sentence);
  writeFileSync(file, bundle);
  return fault === null ? null : `${name} while a host does not trust both authorities: ${fault}`;
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

/** Takes a step without the parts of the playbook that need real hosts. */
function step(hosts: AuthorityHosts, name: string, lost: readonly string[] = []): Promise<ProgramResult> {
  const args = ['playbooks/roll-over-authority.yml', '--skip-tags', skipped];
  return hosts.play(args, { lost, variables: { step: name } });
}
