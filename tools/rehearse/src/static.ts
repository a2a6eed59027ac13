import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attemptCommand } from '@mqtt-cluster/kit';
import { backupFault } from './backup-check.ts';
import { billOfMaterialsFault } from './bill-of-materials.ts';
import { certificatesFault } from './certificates-check.ts';
import { chaosFault } from './chaos-check.ts';
import { collectionFault } from './collection-check.ts';
import { fetchedBackupFault } from './fetched-backup-check.ts';
import { firewallFault } from './firewall-check.ts';
import { gateFault } from './gate-check.ts';
import { inFolder, playLocally } from './local-playbook.ts';
import { linksFault } from './links-check.ts';
import { maintenanceFault } from './maintenance-check.ts';
import { firstFailure } from './playbook.ts';
import { imageSettings, preflights, pulledImage, refusals } from './preflight-checks.ts';
import { receiversFault } from './receivers-check.ts';
import { renewalFault } from './renewal-check.ts';
import { silencesFault } from './silences-check.ts';
import { removalFault } from './removal-check.ts';
import { rereadFault } from './reread-check.ts';
import { restoreFault } from './restore-check.ts';
import { revocationFault } from './revocation-check.ts';
import { rollOverFault } from './roll-over-check.ts';
import { secretsFault } from './secrets-check.ts';
import type { Check } from './static-check.ts';
import { tagsFault } from './tags-check.ts';

const lintMsMax = 600_000;
const quotedLinesMax = 12;
const imageNames = ['broker-publisher', 'client'];

/**
 * Runs the checks that need no running hosts: lint, the syntax of every playbook, the templates with every
 * inventory, and inventories that must be rejected.
 * @param only only checks whose name contains this text run; empty for all
 * @returns whether all checks passed
 */
export async function checkStatically(
  root: string,
  only: string,
  print: (text: string) => void,
): Promise<boolean> {
  const ansible = join(root, 'ansible');
  const checks = [
    staged(root),
    billsOfMaterials(root),
    lint(ansible),
    collection(root),
    tags(root),
    ...syntax(ansible),
    ...rendered(root, ansible),
    ...refusals(ansible),
    ...preflights(ansible),
    pulledImage(ansible),
    secrets(ansible),
    firewall(root),
    receivers(root),
    renewal(root),
    certificates(ansible),
    links(ansible),
    ...interrupted(ansible),
    backup(root),
    silences(root),
  ].filter(({ name }) => name.includes(only));
  let failed = 0;
  for (const check of checks) {
    const problem = await check.run();
    print(problem === null ? `ok      ${check.name}` : `FAILED  ${check.name}: ${problem}`);
    if (problem !== null) failed++;
  }
  print(failed === 0 ? 'ok' : `FAILED: ${failed} of ${checks.length}`);
  return failed === 0;
}

function staged(root: string): Check {
  return {
    name: 'contents of the images, within their size budget',
    async run() {
      const args = [join(root, 'images/build.mjs'), '--stage'];
      const { status, errorOutput } = await attemptCommand('node', args, { timeoutMs: lintMsMax });
      return status === 0 ? null : lastLines(errorOutput);
    },
  };
}

/** Checks the CycloneDX list of each image: its packages, with the versions of the lock file and the licence texts. */
function billsOfMaterials(root: string): Check {
  return {
    name: 'the software bill of materials of each image',
    async run() {
      for (const image of imageNames) {
        const file = join(root, 'dist/images', image, 'files/opt/mqtt-cluster/sbom.cdx.json');
        const fault = billOfMaterialsFault(readFileSync(file, 'utf8'), root, image);
        if (fault !== null) return `${image}: ${fault}`;
      }
      return null;
    },
  };
}

/** Connects to the ports of hosts with the rules of the firewall, in network namespaces. */
function firewall(root: string): Check {
  return {
    name: 'firewall: each port answers to the hosts that the inventory allows, and to no other',
    run: () => firewallFault(root),
  };
}

/** Builds, installs and uses the collection, in which no role may refer to a path outside. */
function collection(root: string): Check {
  return {
    name: 'the collection contains what its roles need, and nothing else',
    run: () => collectionFault(root),
  };
}

function tags(root: string): Check {
  return { name: 'each task has a tag, and docs/DEPLOY.md describes the tags', run: () => tagsFault(root) };
}

function receivers(root: string): Check {
  return {
    name: 'preflight warns about receivers of alerts that send nothing, and a wrong configuration does not replace the former one',
    run: () => receiversFault(root),
  };
}

function secrets(ansible: string): Check {
  return {
    name: 'preflight rejects secrets that are missing, known to everybody or in clear',
    run: () => secretsFault(ansible),
  };
}

function certificates(ansible: string): Check {
  return {
    name: 'client certificates and revocation lists of the inventory reach the hosts',
    run: () => certificatesFault(ansible),
  };
}

function links(ansible: string): Check {
  return {
    name: 'links of the inventory reach the cluster, and only those that differ are replaced',
    run: () => linksFault(ansible),
  };
}

function silences(root: string): Check {
  return {
    name: 'silences: a planned stop silences the alerts that it causes, and no alert of another host',
    run: () => silencesFault(root),
  };
}

/** Runs playbooks on this machine in place of the hosts, with faults in the middle. */
function interrupted(ansible: string): Check[] {
  const faults = [
    ['remove-host.yml lets the member accept clients again after a failed drain or removal', removalFault],
    ['revocations reach the other hosts when one is lost, and a second removal continues', revocationFault],
    [
      'a playbook asks a broker that sees a majority, and replace-host.yml waits for the new member only',
      gateFault,
    ],
    ['restore.yml stops no broker before it can restore', restoreFault],
    ['roll-over-authority.yml can be repeated, and never leaves half an authority', rollOverFault],
    [
      'the broker is started again after a failed update, and after a failed update or reboot of its host',
      maintenanceFault,
    ],
    [
      'backup.yml takes the backup from a member that has the current state, and only its owner can read it',
      fetchedBackupFault,
    ],
    ['a unit reads changed files, also if an earlier playbook failed before its handlers', rereadFault],
    ['chaos.yml keeps its own connection, at the port of ssh that the inventory names', chaosFault],
  ] as const;
  return faults.map(([name, fault]) => ({ name, run: () => fault(ansible) }));
}

function backup(root: string): Check {
  return {
    name: 'the backup comes from a member that gives it, within its memory, and leaves nothing when it is stopped',
    run: () => backupFault(root),
  };
}

function renewal(root: string): Check {
  return {
    name: 'renewal: the timer of the control node replaces the certificates that are due, and no others',
    run: () => renewalFault(root),
  };
}

function lint(ansible: string): Check {
  return {
    name: 'ansible-lint, profile production',
    async run() {
      const options = { directory: ansible, timeoutMs: lintMsMax };
      const args = ['--offline', '--nocolor', '--profile', 'production', 'playbooks', 'roles', 'inventories'];
      const { status, output, errorOutput } = await attemptCommand('ansible-lint', args, options);
      return status === 0 ? null : lastLines(output.trim() === '' ? errorOutput : output);
    },
  };
}

function syntax(ansible: string): Check[] {
  const playbooks = readdirSync(join(ansible, 'playbooks')).filter((file) => file.endsWith('.yml'));
  return playbooks.sort().map((file) => ({
    name: `syntax of ${file}`,
    async run() {
      const args = ['--syntax-check', '-i', 'inventories/testbed/hosts.yml', join('playbooks', file)];
      const { status, output, errorOutput } = await playLocally(ansible, args, {
        variables: { host: '10.0.0.55' },
      });
      return status === 0 ? null : lastLines(errorOutput + output);
    },
  }));
}

/** Renders the templates for each host of each inventory, and checks each file with the program that reads it. */
function rendered(root: string, ansible: string): Check[] {
  return readdirSync(join(ansible, 'inventories')).map((inventory) => ({
    name: `templates with the inventory ${inventory}`,
    run: () =>
      inFolder('templates', async (target) => {
        const variables = {
          render_to: target,
          mqtt_cluster_version: 'static',
          mqtt_cluster_images: target,
          vault_certificate_authority_passphrase: 'static',
          vault_virtual_address_password: 'static',
          vault_grafana_admin_password: 'static',
          vault_monitoring_password: 'static',
          vault_broker_admin_token: 'static-admin-token',
          vault_broker_users: [{ name: 'telemetry-client', password: 'static' }],
          broker_publisher_packet_bytes_max: 65_536,
          broker_publisher_keep_alive_seconds_max: 300,
          broker_publisher_will_after_failover: 'publish',
        };
        const args = ['-i', join('inventories', inventory, 'hosts.yml'), 'tests/render.yml'];
        const { status, output } = await playLocally(ansible, args, { variables });
        return status === 0 ? unknownSettings(root, target) : firstFailure(output);
      }),
  }));
}

/**
 * Returns a problem if the rendered templates contain a setting that the image does not have. An update would drop
 * the setting silently.
 */
async function unknownSettings(root: string, rendered: string): Promise<string | null> {
  const main = join(root, 'dist/images/broker-publisher/files/opt/mqtt-cluster/main.mjs');
  const { status, output, errorOutput } = await attemptCommand('node', [main, '--settings']);
  if (status !== 0) return lastLines(errorOutput);
  const known = new Set(output.trim().split('\n'));
  const files = readdirSync(rendered, { recursive: true, encoding: 'utf8' });
  const given = files
    .filter((file) => file.endsWith('broker-publisher.env'))
    .flatMap((file) => [...readFileSync(join(rendered, file), 'utf8').matchAll(/^([A-Z_]+)=/gm)])
    .map(([, name]) => name!);
  if (given.length === 0) return 'the templates contain no settings of a broker';
  const absent = imageSettings
    .filter((name) => name.includes('_MAX') || name.includes('_WILL_'))
    .filter((name) => !given.includes(name));
  if (absent.length > 0) return `the templates do not contain the settings ${absent.join(', ')}`;
  const unknown = new Set(given.filter((name) => !known.has(name)));
  return unknown.size === 0 ? null : `the image does not have the settings ${[...unknown].join(', ')}`;
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-quotedLinesMax).join(' | ');
}
