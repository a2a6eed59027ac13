import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, playLocally } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';
import { writeProgram } from './substitute-program.ts';

const unit = 'rehearsal.service';
const started = '2026-05-01T10:00:00.200Z';
const reloaded = '2026-05-01T11:00:00.200Z';

interface Case {
  readonly what: string;
  readonly change: 'restarted' | 'reloaded';
  /** Time of the last change of the file. */
  readonly changed: string;
  /** Whether the unit was ever started. */
  readonly neverStarted?: boolean;
  readonly commands: readonly string[];
}

/** The times differ by parts of a second, which systemctl prints only in one of its formats. */
const cases: readonly Case[] = [
  {
    what: 'a file that is older than the start',
    change: 'restarted',
    changed: '2026-05-01T10:00:00.100Z',
    commands: [],
  },
  {
    what: 'a file that is newer than the start, although the unit was reloaded since',
    change: 'restarted',
    changed: '2026-05-01T10:00:00.300Z',
    commands: [`restart ${unit}`],
  },
  {
    what: 'a file that is older than the last reload',
    change: 'reloaded',
    changed: '2026-05-01T11:00:00.100Z',
    commands: [],
  },
  {
    what: 'a file that is newer than the last reload',
    change: 'reloaded',
    changed: '2026-05-01T11:00:00.300Z',
    commands: [`reload ${unit}`],
  },
  {
    what: 'a unit that was never started',
    change: 'reloaded',
    changed: '2026-05-01T11:00:00.300Z',
    neverStarted: true,
    commands: [],
  },
];

/**
 * Checks that a unit reads files that have changed since it read them, also if an earlier playbook failed before its handlers. A
 * program in place of systemctl records the commands.
 *
 * @returns the first fault, or null
 */
export async function rereadFault(ansible: string): Promise<string | null> {
  for (const each of cases) {
    const fault = await inFolder('reread', (folder) => faultOf(each, ansible, folder));
    if (fault !== null) return `${each.what}: ${fault}`;
  }
  return null;
}

async function faultOf(
  { change, changed, neverStarted = false, commands }: Case,
  ansible: string,
  folder: string,
): Promise<string | null> {
  const journal = join(folder, 'commands');
  const files = join(folder, 'files');
  mkdirSync(files);
  for (const name of ['settings', 'unchanged']) writeFileSync(join(files, name), '');
  utimesSync(join(files, 'settings'), new Date(changed), new Date(changed));
  const before = new Date(0);
  utimesSync(join(files, 'unchanged'), before, before);
  utimesSync(files, before, before);
  writeFileSync(journal, '');
  writeProgram(folder, 'systemctl', systemctl(journal, neverStarted));
  const { status, output } = await playLocally(ansible, ['-i', 'localhost,', 'tests/reread.yml'], {
    variables: { files: [files], change },
    environment: { PATH: `${folder}:${process.env.PATH}` },
  });
  if (status !== 0) return firstFailure(output);
  const found = readFileSync(journal, 'utf8').split('\n').filter(Boolean);
  return found.join() === commands.join() ? null : `the commands were "${found.join(', ')}"`;
}

/** Returns lines of a shell program that prints the times of a unit as systemd 252 does. */
function systemctl(journal: string, neverStarted: boolean): string {
  const printed = (time: string, isPrecise: boolean): string => {
    if (neverStarted) return '';
    const [date = '', clock = ''] = time.replace('Z', '').split('T');
    return `Fri ${date} ${isPrecise ? `${clock}000` : clock.slice(0, 8)} UTC`;
  };
  const shown = (isPrecise: boolean): string => `case "$*" in
    *StateChangeTimestamp*) echo '${printed(reloaded, isPrecise)}' ;;
    *InactiveExitTimestamp*) echo '${printed(started, isPrecise)}' ;;
    *) printf 'LoadState=loaded\\nActiveState=active\\n' ;;
  esac`;
  return `case "$1 $*" in
  restart*|reload*) echo "$*" >>'${journal}' ;;
  show*--timestamp=us+utc*) ${shown(true)} ;;
  show*) ${shown(false)} ;;
esac`;
}
