import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { monitoring } from './support.ts';

const repository = join(monitoring, '..');
const ansible = join(repository, 'ansible');
const roles = join(ansible, 'roles');

function read(...path: string[]): string {
  return readFileSync(join(...path), 'utf8');
}

const fixedNames = {
  appliance: z
    .object({ 'admin commands': z.array(z.string()), 'admin options': z.array(z.string()) })
    .parse(JSON.parse(read(repository, 'apps/broker-publisher/test/fixed-names.json'))),
  contracts: z
    .object({ 'cluster settings': z.array(z.string()) })
    .parse(JSON.parse(read(repository, 'libs/contracts/test/fixed-names.json'))),
};
const adminCommands = fixedNames.appliance['admin commands'];
const adminOptions = fixedNames.appliance['admin options'];
const clusterSettings = fixedNames.contracts['cluster settings'];

/** Words before the command of the appliance, on a host that the playbooks have set up. */
const appliance = 'podman exec mqtt-cluster-broker node /opt/mqtt-cluster/main.mjs ';
const appliancePattern = new RegExp(`^${appliance.replace('exec ', 'exec (-it )?')}`);

/** Programs of the system that only read. */
const readingPrograms = new Set(
  (
    'awk cat curl df dmesg du grep head iostat journalctl lsof nc openssl ping promtool ps sensors smartctl sort ssh tail ' +
    'timedatectl top uniq vcgencmd'
  ).split(' '),
);
/** Programs of the system that change a host. */
const mendingPrograms = new Set('amtool chronyc fsck mdadm mkfs.ext4 mount systemctl'.split(' '));
/** Commands of these programs that only read. */
const readingCommands = /^(amtool check-config|chronyc (tracking|sources)|systemctl (status|--failed|list-))/;
/** Playbooks that only read. */
const readingPlaybook = /^ansible-playbook playbooks\/(preflight|status)\.yml\b/;
/** Commands of the appliance that only read. */
const readingAdmin = new RegExp(
  '^(check-config|admin (events|health|members|status|subscribe|subscriptions|trace)|admin settings(?!.*=)|' +
    'admin (clients|links|retained|rules|users)(?=$| --| (check|list|show|test)\\b)|admin .* --dry-run)',
);
/** Commands that change something, of a program that otherwise reads. */
const mendingCommands = /^(journalctl --vacuum|openssl ca )/;

const roleFiles = readdirSync(roles).map((role) => ({
  role,
  defaults: existsSync(join(roles, role, 'defaults/main.yml')) ? read(roles, role, 'defaults/main.yml') : '',
  templates: existsSync(join(roles, role, 'templates'))
    ? readdirSync(join(roles, role, 'templates')).map((file) => read(roles, role, 'templates', file))
    : [],
}));
const playbooks = readdirSync(join(ansible, 'playbooks'));
/** Parameters of each playbook: `-e NAME=` in the comment at its beginning. */
const playbookParameters = new Map(
  playbooks.map((file) => {
    const [header = ''] = /^---\n(#.*\n)+/.exec(read(ansible, 'playbooks', file)) ?? [];
    return [file, [...header.matchAll(/-e (\w+)=/g)].map(([, name]) => name!)] as const;
  }),
);
const roleVariables = new Set(
  roleFiles.flatMap(({ defaults }) => [...defaults.matchAll(/^(\w+):/gm)].map(([, name]) => name!)),
);

/** Names of the units of the product: those that the tasks of the roles start. */
const productUnits = new Set(
  roleFiles.flatMap(({ role }) =>
    ['tasks', 'vars', 'templates', 'handlers']
      .filter((folder) => existsSync(join(roles, role, folder)))
      .flatMap((folder) =>
        readdirSync(join(roles, role, folder)).map((file) => read(roles, role, folder, file)),
      )
      .flatMap((text) =>
        [...text.matchAll(/\b(mqtt-cluster-[a-z-]+)\.(?:service|timer)\b/g)].map(([, name]) => name!),
      ),
  ),
);

/** A command of a runbook and its words, without quotes. */
export interface RunbookCommand {
  readonly line: string;
  readonly words: readonly string[];
}

/** Returns the commands of a text: the lines of its blocks `sh`, and inline code with more than one word. */
export function commandsIn(text: string): RunbookCommand[] {
  const blocks = [...text.matchAll(/^```sh\n([^`]*)^```$/gm)].flatMap(([, block]) => block!.split('\n'));
  const prose = text.replaceAll(/^```\w*\n[^`]*^```$/gm, '');
  const inline = [...prose.matchAll(/`([^`\n]+)`/g)].flatMap(([, code]) => (isCommand(code!) ? [code!] : []));
  return [...blocks, ...inline].flatMap(splitCommands);
}

/** `redundancy: 2` is a setting, not a command. A playbook is named without its path, too. */
function isCommand(code: string): boolean {
  return /^\S*[^:\s] /.test(code);
}

/** Splits a line at `;`, `|` and `&&` outside of quotes, and removes the comment. */
function splitCommands(line: string): RunbookCommand[] {
  const tokens = [...line.matchAll(/'[^']*'|"[^"]*"|&&|[;|]|#.*|[^\s;|'"&#]\S*?(?=[;|\s]|$)/g)].map(
    ([token]) => token,
  );
  const commands: string[][] = [[]];
  for (const token of tokens) {
    if (token.startsWith('#')) break;
    if (/^(&&|[;|])$/.test(token)) commands.push([]);
    else commands.at(-1)!.push(token.replaceAll(/^['"]|['"]$/g, ''));
  }
  return commands.filter((words) => words.length > 0).map((words) => ({ line: words.join(' '), words }));
}

/** Returns whether a command changes something: a playbook, a command of the appliance, or one of the system. */
export function mends({ line, words: [program = ''] }: RunbookCommand): boolean {
  if (program === 'ansible-playbook') return !readingPlaybook.test(line);
  if (appliancePattern.test(line)) return !readingAdmin.test(line.replace(appliancePattern, ''));
  return mendingCommands.test(line) || (mendingPrograms.has(program) && !readingCommands.test(line));
}

/** Returns one line for each part of a command that does not exist in the repository. */
export function unknownParts(command: RunbookCommand): string[] {
  const { line, words } = command;
  const [program = '', ...rest] = words;
  if (program === 'ansible-playbook') return unknownInPlaybook(line, rest);
  if (appliancePattern.test(line))
    return unknownInAppliance(line, line.replace(appliancePattern, '').split(' '));
  if (program === 'systemctl' || program === 'journalctl') return unknownUnits(line, rest);
  if (readingPrograms.has(program) || mendingPrograms.has(program)) return commandWithoutAccess(line);
  return [
    `${line}: unknown program ${program}. The command of a member is: ${appliance}admin COMMAND. ` +
      `Add a program of the system to the lists in runbook-commands.ts.`,
  ];
}

/** Prometheus and Alertmanager serve HTTPS and ask for a password, unless the vault has none. */
function commandWithoutAccess(line: string): string[] {
  const [, port] = /:(909[03])\b/.exec(line) ?? [];
  if (
    port === undefined ||
    (line.includes(`https://MONITORING:${port}`) && / --cacert .* --user /.test(line))
  )
    return [];
  return [`${line}: the command needs https://MONITORING:${port}, the authority and the password`];
}

function unknownInPlaybook(line: string, words: readonly string[]): string[] {
  const [, file = ''] = /^playbooks\/(\S+)$/.exec(words[0] ?? '') ?? [];
  const parameters = playbookParameters.get(file);
  if (parameters === undefined) return [`${line}: no playbook ansible/playbooks/${file}`];
  return words
    .flatMap((word, at) => (/^(-e|--extra-vars)$/.test(word) ? [(words[at + 1] ?? '').split('=')[0]!] : []))
    .filter((name) => !roleVariables.has(name) && !parameters.includes(name))
    .map((name) => `${line}: ${file} has no parameter ${name}, and no role has this variable`);
}

function unknownInAppliance(line: string, [program, first = '', second = '', ...rest]: string[]): string[] {
  if (program === 'check-config') return [];
  if (program !== 'admin') return [`${line}: the appliance has no command ${program}`];
  const operands = [second, ...rest].filter((word) => word !== '');
  const options = operands.flatMap((word) => /^--([a-z-]+)/.exec(word)?.[1] ?? []);
  const settings = first === 'settings' ? operands.filter((word) => word.includes('=')) : [];
  const isGroup = adminCommands.includes(`${first} list`) || adminCommands.includes(`${first} show`);
  const known = isGroup
    ? second === '' || second.startsWith('--') || adminCommands.includes(`${first} ${second}`)
    : adminCommands.includes(first) || adminCommands.includes(`${first} ${second}`);
  return [
    ...(known ? [] : [`${line}: no admin command ${first} ${second}`]),
    ...options.filter((name) => !adminOptions.includes(name)).map((name) => `${line}: no option --${name}`),
    ...settings
      .filter((setting) => !clusterSettings.includes(setting.split('=')[0]!))
      .map((setting) => `${line}: no cluster setting ${setting}`),
  ];
}

/** Packages of Debian that the roles install, with the units of the same name. */
const packageUnits = new Set(['prometheus', 'prometheus-alertmanager', 'haproxy', 'keepalived', 'chrony']);

function unknownUnits(line: string, words: readonly string[]): string[] {
  const afterOption = words.flatMap((word, at) => (/^(-u|--unit)$/.test(word) ? [words[at + 1] ?? ''] : []));
  const operands = words.filter((word, at) => !word.startsWith('-') && at > 0);
  const units = line.startsWith('journalctl') ? afterOption : operands;
  return units
    .map((unit) => unit.replace(/\.(service|timer)$/, ''))
    .filter(
      (unit) =>
        unit !== 'UNIT' && unit !== 'mqtt-cluster*' && !productUnits.has(unit) && !packageUnits.has(unit),
    )
    .map((unit) => `${line}: no role has a unit ${unit}`);
}

/** Returns the variables of roles and the playbooks that inline code names and that do not exist. */
export function unknownNames(text: string): string[] {
  const names = [...text.matchAll(/`([\w.-]+)`/g)].map(([, name]) => name!);
  const prefixes = roleFiles.map(({ role }) => `${role}_`);
  return names.filter((name) =>
    name.endsWith('.yml')
      ? !playbooks.includes(name)
      : prefixes.some((prefix) => name.startsWith(prefix)) && !roleVariables.has(name),
  );
}
