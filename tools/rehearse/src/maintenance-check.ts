import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, messagesIn, playLocally, withHealth } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';
import { writeProgram } from './substitute-program.ts';

interface Case {
  readonly what: string;
  readonly playbook: string;
  /** What fails: the update of the list of packages, or the upgrade. */
  readonly failing?: 'list' | 'upgrade';
  /** The commands of systemctl that must run, in this order. */
  readonly commands: readonly string[];
  /** Text of the message of the playbook. */
  readonly message: string;
}

const unit = 'mqtt-cluster-broker.service';
const startedAgain = 'The broker of one was stopped for this change, and was started again.';

const cases: readonly Case[] = [
  {
    what: 'a mirror that does not answer',
    playbook: 'playbooks/patch-hosts.yml',
    failing: 'list',
    commands: [],
    message: 'the mirror of the test does not answer',
  },
  {
    what: 'an upgrade that fails',
    playbook: 'playbooks/patch-hosts.yml',
    failing: 'upgrade',
    commands: [`stop ${unit}`, `start ${unit}`],
    message: `the disk of the test is full ${startedAgain}`,
  },
  {
    // Ansible refuses to reboot the control node, which is the host of this test.
    what: 'a reboot that fails',
    playbook: 'playbooks/reboot-host.yml',
    commands: [`stop ${unit}`, `start ${unit}`],
    message: `would reboot the control node. ${startedAgain}`,
  },
  {
    what: 'an update of the broker that fails',
    playbook: 'tests/roll.yml',
    commands: [`stop ${unit}`, `start ${unit}`],
    message: `non-zero return code ${startedAgain}`,
  },
];

/**
 * Checks that the playbook starts the broker again and reports the cause, when the update of the broker, or the update or reboot of
 * its host, has failed.
 * Programs and modules in place of systemctl, apt-get and Python's apt record what the playbook does.
 *
 * @returns the first fault, or null
 */
export function maintenanceFault(ansible: string): Promise<string | null> {
  // The broker three is not the first one that may answer for the broker one.
  return withHealth({ three: { majority: true } }, async (port) => {
    for (const each of cases) {
      const fault = await inFolder('maintenance', (folder) => faultOf(each, { ansible, folder, port }));
      if (fault !== null) return `${each.what}: ${fault}`;
    }
    return null;
  });
}

async function faultOf(
  { playbook, failing, commands, message }: Case,
  { ansible, folder, port }: { readonly ansible: string; readonly folder: string; readonly port: number },
): Promise<string | null> {
  const journal = join(folder, 'commands');
  writeFileSync(journal, '');
  writeFileSync(join(folder, 'state'), 'active');
  writeProgram(folder, 'systemctl', systemctl(folder));
  writeProgram(
    folder,
    'apt-get',
    failing === 'upgrade' ? "echo 'the disk of the test is full' >&2; exit 100" : ':',
  );
  writeProgram(folder, 'podman', 'exit 1');
  writeModules(folder, failing === 'list');
  const { status, output } = await playLocally(ansible, ['-i', 'tests/inventories/here.yml', playbook], {
    variables: {
      host: 'one',
      broker_publisher_http_port: String(port),
      broker_publisher_gate_retries: '1',
      broker_publisher_user: 'no-such-user',
      mqtt_cluster_version: 'static',
      mqtt_cluster_images: 'tests',
    },
    environment: { PATH: `${folder}:${process.env.PATH}`, PYTHONPATH: folder },
  });
  if (status === 0) return 'the playbook reports success';
  const found = readFileSync(journal, 'utf8').split('\n').filter(Boolean);
  if (found.join() !== commands.join())
    return `the commands were "${found.join(', ')}": ${firstFailure(output)}`;
  const reported = messagesIn(output).replaceAll(/\s+/g, ' ');
  return reported.includes(message) ? null : `expected "${message}": ${firstFailure(output)}`;
}

/** Returns lines of a shell program that knows one unit, and writes the commands that change it to a file. */
function systemctl(folder: string): string {
  return `if [ "$1" = --version ]; then echo 'systemd 252'; exit; fi
while [ "\${1#-}" != "$1" ]; do shift; done
case $1 in
  show) printf 'Id=${unit}\\nLoadState=loaded\\nActiveState=%s\\n' "$(cat '${folder}/state')" ;;
  stop) echo inactive >'${folder}/state' ;;
  start) echo active >'${folder}/state' ;;
esac
case $1 in start|stop) echo "$*" >>'${folder}/commands' ;; esac`;
}

/** Writes modules in place of those of Python's apt, which would update the list of packages of this machine. */
function writeModules(folder: string, listFails: boolean): void {
  mkdirSync(join(folder, 'apt'));
  const fault = "raise cache.FetchFailedException('the mirror of the test does not answer')";
  const modules = {
    'apt_pkg.py': '',
    'apt/debfile.py': '',
    'apt/cache.py': ['FetchFailedException', 'LockFailedException']
      .map((name) => `class ${name}(Exception):\n    pass\n`)
      .join('\n'),
    'apt/__init__.py': `from . import cache, debfile
class Cache:
    updated = False
    def update(self):
        self.updated = True
    def open(self, progress=None):
        if self.updated:
            ${listFails ? fault : 'pass'}
`,
  };
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text);
}
