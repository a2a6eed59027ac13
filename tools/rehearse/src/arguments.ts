import { CommandLine, listOf, readCommandLine, UsageError } from '@mqtt-cluster/kit';
import { stepNames } from './rehearsal.ts';

type Command =
  'run' | 'up' | 'down' | 'wipe' | 'kill' | 'start' | 'cut' | 'heal' | 'ssh' | 'static' | 'publish';

/** The parsed and checked command line of the rehearsal. */
export interface Arguments {
  readonly command: Command;
  /** Hosts of the command, each as the last number of its address. */
  readonly hosts: readonly number[];
  /** The command line for `ssh`, the text for `static`, or the client id and servers for `publish`. */
  readonly words: readonly string[];
  /** Names of the steps to run, in the order of execution. */
  readonly only: readonly string[];
  /** Whether the hosts keep running after a rehearsal without failure. */
  readonly keep: boolean;
  /** Number of brokers: 3, 5 or 7. */
  readonly brokers: number;
  /** Name of the test bed. */
  readonly bed: string;
  /** Folder of hosts, disks and logs. */
  readonly directory: string;
}

interface Options {
  readonly only?: readonly string[];
  readonly keep?: true;
  readonly brokers: number;
  readonly bed: string;
  readonly directory?: string;
}

const bedDefault = 'rehearsal';
/** Pattern of a test bed's name, which is part of the names of network namespaces. */
const bedPattern = /^[a-z][a-z0-9]{0,15}$/;

function directoryOf(bed: string): string {
  return `/var/tmp/mqtt-cluster-${bed}`;
}

const notes = `
Steps: ${stepNames.join(', ')}
Hosts: the last number of the address: 55 to 61 (brokers), 140 (client), 150 (monitoring),
       62 (broker of the second site)

Examples:
  npm run rehearse                                    all steps; needs root and Debian, takes more than an hour on two cores
  npm run rehearse -- --only deploy,rolling-update --keep
  npm run rehearse -- static                          only checks without hosts
  npm run rehearse -- static firewall                 only those checks whose name contains "firewall"
  npm run rehearse -- ssh 57 journalctl`;

/** Parses the command line. @throws UsageError that contains the first wrong argument. @throws HelpRequested */
export function readArguments(argv: readonly string[]): Arguments {
  return readCommandLine<Arguments>(argv, commandLine);
}

function commandLine(report: (value: Arguments) => void): CommandLine {
  const program = new CommandLine('rehearse')
    .description(
      'Runs the playbooks against nine hosts (containers with systemd) on this machine, under load.',
    )
    .option('--only <STEPS>', 'run only these steps (default: all)', stepsOf)
    .option('--brokers <N>', '3, 5 or 7', brokerCount, 7)
    .option(
      '--keep',
      'leave the hosts running after a rehearsal without failure; after a failure they always keep running',
    )
    .option(
      '--bed <NAME>',
      'name of the set of hosts; sets with different names are independent',
      bedName,
      bedDefault,
    )
    .option('--directory <D>', `folder of hosts, disks and logs (default: ${directoryOf('<bed>')})`)
    .addHelpText('after', notes);
  const finish = (command: Command, hosts: readonly number[] = [], words: readonly string[] = []): void => {
    const { only = stepNames, keep = false, brokers, bed, directory } = program.opts<Options>();
    report({
      command,
      hosts,
      words,
      only,
      keep,
      brokers,
      bed,
      directory: directory ?? directoryOf(bed),
    });
  };
  const add = (command: Command, description: string): CommandLine =>
    program.command(command).description(description) as CommandLine;
  const ofHosts = (command: Command, description: string, hosts: string): void =>
    void add(command, description)
      .argument(hosts, 'hosts', hostsOf)
      .action((numbers: number[] = []) => finish(command, numbers));
  program.action(() => finish('run'));
  add('run', 'runs the steps; prints "ok" or the failure in its last line (the default command)').action(() =>
    finish('run'),
  );
  add('static', 'runs the checks without hosts: lint, syntax, templates, inventories, playbooks with faults')
    .argument('[text]', 'run only checks whose name contains this text')
    .action((text?: string) => finish('static', [], text === undefined ? [] : [text]));
  ofHosts('up', 'starts the hosts, or some of them, without a deployment', '[hosts...]');
  ofHosts('kill', 'powers hosts off', '<hosts...>');
  ofHosts('start', 'powers hosts on', '<hosts...>');
  ofHosts('cut', 'drops all packets of hosts silently', '<hosts...>');
  ofHosts('heal', 'ends a cut', '<hosts...>');
  add('ssh', 'runs a command on a host')
    .argument('<host>', 'host', hostNumber)
    .argument('<command...>', 'command')
    .action((host: number, words: string[]) => finish('ssh', [host], words));
  add('down', 'stops all hosts').action(() => finish('down'));
  add('wipe', 'stops all hosts and deletes their disks').action(() => finish('wipe'));
  program
    .command('publish', { hidden: true })
    .argument('<words...>')
    .action((words: string[]) => finish('publish', [], words));
  return program as CommandLine;
}

function stepsOf(text: string): string[] {
  const wanted = listOf((name: string) => name)(text);
  const unknown = wanted.find((name) => !stepNames.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`--only: unknown step "${unknown}" (steps: ${stepNames.join(', ')})`);
  return stepNames.filter((name) => wanted.includes(name));
}

function brokerCount(text: string): number {
  if (['3', '5', '7'].includes(text)) return Number(text);
  throw new UsageError(
    `--brokers must be 3, 5 or 7, not "${text}": an even number tolerates no more failures`,
  );
}

function bedName(text: string): string {
  if (bedPattern.test(text)) return text;
  throw new UsageError(
    `--bed must be 1 to 16 characters of a-z and 0-9 that begin with a letter, not "${text}"`,
  );
}

function hostNumber(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is not a host: give the last number of its address, for example 57`);
}

function hostsOf(text: string, previous: readonly number[] | undefined): number[] {
  return [...(previous ?? []), hostNumber(text)];
}
