import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, inventoryWithLost, messagesIn, playLocally, withHealth } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';
import type { Variables } from './playbook.ts';
import { writeProgram } from './substitute-program.ts';

interface Case {
  readonly what: string;
  readonly variables: Variables;
  /** The admin command that fails. */
  readonly failing: 'drain' | 'remove';
  /** The admin commands that must run, in this order. */
  readonly commands: readonly string[];
  /** Text of the message of the playbook. */
  readonly message: string;
  /** Hosts that cannot be reached. */
  readonly lost?: readonly string[];
}

const health = { majority: true, members: [{ id: 'three', ok: true }] };

const cases: readonly Case[] = [
  {
    what: 'a drain that fails',
    variables: {},
    failing: 'drain',
    commands: ['drain three', 'undrain three'],
    message: 'the fault of the test. If the host is lost, add -e force=true.',
  },
  {
    what: 'a removal that fails',
    variables: {},
    failing: 'remove',
    commands: ['drain three', 'remove three', 'undrain three'],
    message: 'the fault of the test',
  },
  {
    what: 'a forced removal that fails',
    variables: { force: 'true' },
    failing: 'remove',
    commands: ['remove three --force', 'undrain three'],
    message: 'the fault of the test',
  },
  {
    what: 'a forced removal that fails while the first other host is lost',
    variables: { force: 'true' },
    failing: 'remove',
    commands: ['remove three --force', 'undrain three'],
    message: 'failed on two: the fault of the test',
    lost: ['one', 'three'],
  },
];

/**
 * Checks that remove-host.yml lets the member accept clients again when the drain or the removal fails, reports the cause,
 * and goes no further: the broker keeps its keys. A program in place of podman records the admin commands.
 *
 * @returns the first fault, or null
 */
export async function removalFault(ansible: string): Promise<string | null> {
  for (const each of cases) {
    const fault = await inFolder('removal', (folder) => faultOf(each, ansible, folder));
    if (fault !== null) return `${each.what}: ${fault}`;
  }
  return null;
}

async function faultOf(each: Case, ansible: string, folder: string): Promise<string | null> {
  const { failing, commands, variables, message, lost = [] } = each;
  const journal = join(folder, 'commands');
  const key = join(folder, 'member.key');
  writeFileSync(journal, '');
  writeFileSync(key, 'key');
  writeProgram(folder, 'podman', podmanThatFails(failing, journal));
  const args = ['-i', inventoryWithLost(folder, lost), 'playbooks/remove-host.yml'];
  const { status, output } = await withHealth({ [lost.includes('one') ? 'two' : 'one']: health }, (port) =>
    playLocally(ansible, args, {
      variables: {
        host: 'three',
        broker_publisher_http_port: String(port),
        broker_publisher_tls_directory: folder,
        ...variables,
      },
      environment: { PATH: `${folder}:${process.env.PATH}` },
    }),
  );
  if (status === 0) return 'the playbook reports success';
  const found = readFileSync(journal, 'utf8').trim().split('\n');
  if (found.join() !== commands.join())
    return `the commands were ${found.join(', ')}: ${firstFailure(output)}`;
  const [, reported = ''] = output.split('TASK [Report that the member was not removed]');
  if (!messagesIn(reported).includes(message)) return `expected "${message}": ${firstFailure(output)}`;
  if (output.includes('PLAY [Stop the removed broker')) return 'the playbook goes on to stop the broker';
  return existsSync(key) ? null : 'the key of the broker was deleted, although it is still a member';
}

/** Returns a shell program that writes the admin command to a file, and fails at one of them. */
function podmanThatFails(command: string, journal: string): string {
  return `while [ "$1" != admin ]; do shift; done
shift
echo "$*" >>'${journal}'
if [ "$1" = ${command} ]; then echo 'the fault of the test' >&2; exit 1; fi`;
}
