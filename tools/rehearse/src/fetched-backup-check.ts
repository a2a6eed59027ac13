import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { inFolder, messagesIn, playLocally, withHealth } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';
import type { Variables } from './playbook.ts';
import { writeProgram } from './substitute-program.ts';

const state = 'the state of the cluster';
const isolated = {
  askedOf: 'one',
  majority: false,
  members: [{ id: 'one', ok: false, state: 'isolated', lagEntries: null }],
};
const lagging = {
  askedOf: 'one',
  majority: true,
  members: [{ id: 'one', ok: false, state: 'serving', lagEntries: 1_001 }],
};
const drainingAndLagging = {
  askedOf: 'one',
  majority: true,
  members: [{ id: 'one', ok: false, state: 'draining', lagEntries: 1_001 }],
};
/** The cluster of this member has lost another one, so its health check fails. */
const current = {
  askedOf: 'two',
  healthy: false,
  majority: true,
  members: [
    { id: 'one', ok: false, state: 'unreachable', lagEntries: null },
    { id: 'two', ok: true, state: 'serving', lagEntries: 1_000 },
  ],
};

interface Case {
  readonly what: string;
  /** Answers of the hosts one and two; the host three has none. */
  readonly answers: readonly [object, object];
  readonly variables?: Variables;
  /** The host that gives the backup; null if there is none. */
  readonly from: 'one' | 'two' | null;
  /** Text of the message if there is no backup. */
  readonly message?: string;
  /** Mode of the folder of the backups, if it exists before. */
  readonly mode?: number;
}

const cases: readonly Case[] = [
  { what: 'an isolated first member', answers: [isolated, current], from: 'two' },
  { what: 'a first member that has not caught up', answers: [lagging, current], from: 'two', mode: 0o755 },
  { what: 'a draining first member that lags', answers: [drainingAndLagging, current], from: 'two' },
  { what: 'no member with a majority', answers: [isolated, lagging], from: null },
  {
    what: 'the last state of no certain member',
    answers: [isolated, current],
    variables: { stale: 'true' },
    from: null,
    message: 'Add -e member=NAME',
  },
  {
    what: 'the last state of an isolated member',
    answers: [isolated, isolated],
    variables: { member: 'one', stale: 'true' },
    from: 'one',
  },
];

/**
 * Checks that backup.yml takes the backup from a member that has caught up with a majority, and that other users of the control
 * node cannot read it. A program in place of podman writes the backup.
 *
 * @returns the first fault, or null
 */
export async function fetchedBackupFault(ansible: string): Promise<string | null> {
  for (const each of cases) {
    const fault = await withHealth({ one: each.answers[0], two: each.answers[1] }, (port) =>
      inFolder('fetched', (folder) => faultOf(each, { ansible, folder, port })),
    );
    if (fault !== null) return `${each.what}: ${fault}`;
  }
  return null;
}

async function faultOf(
  { variables = {}, from, mode, message = 'answers and has caught up with a majority' }: Case,
  { ansible, folder, port }: { readonly ansible: string; readonly folder: string; readonly port: number },
): Promise<string | null> {
  const [backups, commands] = [join(folder, 'backups'), join(folder, 'commands')];
  writeFileSync(commands, '');
  if (mode !== undefined) {
    mkdirSync(backups);
    chmodSync(backups, mode);
  }
  writeProgram(folder, 'podman', podman(folder, commands));
  const args = ['-i', 'tests/inventories/here.yml', 'playbooks/backup.yml'];
  const { status, output } = await playLocally(ansible, args, {
    variables: {
      broker_publisher_http_port: String(port),
      broker_publisher_data: folder,
      backup_directory: backups,
      ...variables,
    },
    environment: { PATH: `${folder}:${process.env.PATH}` },
  });
  const issued = readFileSync(commands, 'utf8').trim();
  if (from === null) {
    if (status === 0 || issued !== '') return 'there is a backup';
    return messagesIn(output).includes(message) ? null : `expected "${message}": ${firstFailure(output)}`;
  }
  if (status !== 0) return firstFailure(output);
  if (!output.includes(`changed: [${from}]`)) return `the backup is not from the member ${from}`;
  if (issued.endsWith(' --stale') !== (variables['stale'] === 'true')) return `the command was ${issued}`;
  return filesFault(backups, mode ?? 0o700);
}

function filesFault(backups: string, mode: number): string | null {
  if (!existsSync(backups)) return 'there is no folder of the backups';
  const [file = '', ...others] = readdirSync(backups);
  if (!file.endsWith('.backup') || others.length > 0) return `the folder has ${[file, ...others].join(', ')}`;
  const path = join(backups, file);
  if (readFileSync(path, 'utf8') !== state) return 'the backup has another content';
  const modes = [backups, path].map((each) => (statSync(each).mode & 0o777).toString(8)).join(', ');
  const wanted = `${mode.toString(8)}, 600`;
  return modes === wanted ? null : `the modes of the folder and the backup are ${modes}, and not ${wanted}`;
}

/** Returns lines of a shell program that writes a backup to the folder, in place of the member's data directory. */
function podman(folder: string, commands: string): string {
  return `while [ "$1" != admin ]; do shift; done
shift
echo "$*" >>'${commands}'
printf '${state}' >'${folder}'/"$(basename "$2")"`;
}
