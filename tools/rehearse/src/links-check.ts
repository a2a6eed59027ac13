import type { ProgramResult } from '@mqtt-cluster/kit';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, messagesIn, playLocally, rejectionFault } from './local-playbook.ts';
import { firstFailure, parseRecap } from './playbook.ts';
import { writeProgram } from './substitute-program.ts';

const addresses = ['mqtt://192.0.2.9'];
/** The links of the inventory. The program in place of podman reports that only `other` differs. */
const links = {
  same: { addresses },
  resting: { addresses },
  other: { addresses, passwordFile: 'password', tls: { ca: 'ca.pem' } },
};
const present = [
  { name: 'same', definition: { addresses, paused: false } },
  { name: 'resting', definition: { addresses, paused: true } },
  { name: 'invalid', definition: null },
];

type Play = (variables?: object, flags?: readonly string[]) => Promise<ProgramResult>;

/**
 * Checks that the playbooks pass the definitions of links to the admin command, replace only those that differ, leave a paused
 * link paused, change nothing in check mode and with an older version, and that preflight rejects a link without its files.
 *
 * @returns the first fault, or null
 */
export function linksFault(ansible: string): Promise<string | null> {
  return inFolder('links', (folder) => faultIn(ansible, folder));
}

async function faultIn(ansible: string, folder: string): Promise<string | null> {
  const files = { password: join(folder, 'password'), 'ca.pem': join(folder, 'ca.pem') };
  for (const file of Object.values(files)) writeFileSync(file, 'content');
  writeFileSync(join(folder, 'list.json'), JSON.stringify({ links: present }));
  writeFileSync(join(folder, 'help'), '--dry-run');
  writeProgram(folder, 'podman', podman(folder));
  const play: Play = (variables = {}, flags = []) =>
    playLocally(ansible, ['-i', 'tests/inventories/here.yml', 'tests/links.yml', ...flags], {
      variables: {
        mqtt_cluster_version: 'static',
        mqtt_cluster_images: folder,
        broker_publisher_known: [],
        broker_publisher_anonymous: true,
        broker_publisher_links: links,
        broker_publisher_link_files: files,
        ...variables,
      },
      environment: { PATH: `${folder}:${process.env.PATH}` },
    });
  return (
    (await rejectedFault(play)) ?? (await unchangedFault(play, folder)) ?? (await setFault(play, folder))
  );
}

async function rejectedFault(play: Play): Promise<string | null> {
  for (const [files, sentence] of [
    [
      { password: 'nowhere', 'ca.pem': 'links.yml' },
      'broker_publisher_link_files has the file password at nowhere, which is no file on the control node',
    ],
    [{}, 'the link other of broker_publisher_links needs the file ca.pem'],
  ] as const) {
    const fault = rejectionFault(await play({ broker_publisher_link_files: files }), sentence);
    if (fault !== null) return fault;
  }
  return null;
}

/** Runs that may set no link. */
async function unchangedFault(play: Play, folder: string): Promise<string | null> {
  const checked = await play({}, ['--check']);
  if (checked.status !== 0) return `in check mode: ${firstFailure(checked.output)}`;
  writeFileSync(join(folder, 'help'), '--file');
  const old = await play();
  writeFileSync(join(folder, 'help'), '--dry-run');
  if (old.status !== 0) return `with an older version: ${firstFailure(old.output)}`;
  if (!messagesIn(old.output).includes('does not take them from the inventory'))
    return 'the playbook does not report that an older version takes no links from the inventory';
  return existsSync(join(folder, 'set-other'))
    ? 'a link was set in check mode or with an older version'
    : null;
}

async function setFault(play: Play, folder: string): Promise<string | null> {
  const { status, output } = await play();
  if (status !== 0) return firstFailure(output);
  const read = (name: string): string =>
    existsSync(join(folder, name))
      ? JSON.stringify(JSON.parse(readFileSync(join(folder, name), 'utf8')))
      : '';
  for (const [name, wanted] of [
    ['compared-same', JSON.stringify({ paused: false, ...links.same })],
    ['compared-resting', JSON.stringify({ paused: true, ...links.resting })],
    ['set-other', JSON.stringify({ paused: false, ...links.other })],
    ['set-same', ''],
    ['set-resting', ''],
  ] as const)
    if (read(name) !== wanted)
      return `${name}: the admin command read "${read(name)}" instead of "${wanted}"`;
  const [recap] = parseRecap(output);
  return recap?.changed === 1 ? null : `${recap?.changed} tasks have changed something instead of 1`;
}

/** Returns a shell program that answers the admin commands, and keeps what it reads from standard input. */
function podman(folder: string): string {
  return `while [ "$1" != admin ]; do shift; done
shift
case "$*" in
'links add --help') cat '${folder}/help' ;;
'links list --json') cat '${folder}/list.json' ;;
'links add '*' --file - --dry-run --json')
  cat >"${folder}/compared-$3"
  if [ "$3" = other ]; then echo '{ "differs": true }'; else echo '{ "differs": false }'; fi ;;
'links add '*' --file -') cat >"${folder}/set-$3" ;;
*) echo "unexpected command: $*" >&2; exit 1 ;;
esac`;
}
