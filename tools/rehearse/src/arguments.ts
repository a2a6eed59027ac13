import { parseArgs } from 'node:util';
import { UsageError } from './errors.ts';
import { stepNames } from './rehearsal.ts';

const commands = [
  'run',
  'up',
  'down',
  'wipe',
  'kill',
  'start',
  'cut',
  'heal',
  'ssh',
  'static',
  'publish',
] as const;
export type Command = (typeof commands)[number];

export interface Arguments {
  readonly command: Command;
  readonly hosts: readonly number[];
  /** After the host of `ssh`; of `publish`, which a rehearsal starts itself: the client id and the servers. */
  readonly words: readonly string[];
  readonly only: readonly string[];
  readonly keep: boolean;
  readonly brokers: number;
  readonly bed: string;
  readonly directory: string;
  readonly help: boolean;
}

export const bedDefault = 'rehearsal';
/** A name of network namespaces, with room for what is put behind it. */
const bedPattern = /^[a-z][a-z0-9]{0,15}$/;

export function directoryOf(bed: string): string {
  return `/var/tmp/mqtt-cluster-${bed}`;
}

export const usage = `rehearse: nine real hosts on this machine, and the real playbooks against them, under load

  npm run rehearse                      everything; the last line is "ok" or what failed (root, Debian; half an hour)
  npm run rehearse -- --only deploy,rolling-update --keep
                                        some steps: ${stepNames.join(', ')}
  npm run rehearse -- static            only what needs no hosts: lint, syntax, and the templates with each inventory

  npm run rehearse -- up [N...]         the hosts alone, or some of them: 10.0.0.55 to 61, 140 (client), 150 (monitoring)
  npm run rehearse -- kill|start|cut|heal N...   power off, on; network silently gone, back
  npm run rehearse -- ssh N COMMAND...  runs a command on a host
  npm run rehearse -- down | wipe       ends all hosts; wipe: with their disks

  --brokers N     3, 5 or 7 (default 7)
  --keep          leave the hosts running at the end (after a failure they always are)
  --bed NAME      another name is another set of hosts, beside the first (default ${bedDefault})
  --directory D   where hosts, disks and logs are (default ${directoryOf(bedDefault)}, or as the bed is called)
  --help          this text
`;

/** @throws UsageError naming the first thing that is wrong */
export function readArguments(argv: readonly string[]): Arguments {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        only: { type: 'string' },
        keep: { type: 'boolean', default: false },
        brokers: { type: 'string', default: '7' },
        bed: { type: 'string', default: bedDefault },
        directory: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${message.split('. ')[0]}; see --help`, { cause });
  }
  const { values, positionals } = parsed;
  const [first = 'run', ...rest] = positionals;
  const command = commands.find((name) => name === first);
  if (command === undefined) {
    throw new UsageError(`"${first}" is no command; there are ${commands.join(', ')}; see --help`);
  }
  const numbered = command === 'ssh' ? rest.slice(0, 1) : command === 'publish' ? [] : rest;
  return {
    command,
    hosts: numbered.map(hostNumber),
    words: command === 'ssh' ? rest.slice(1) : command === 'publish' ? rest : [],
    only: stepsOf(values.only),
    keep: values.keep,
    brokers: brokerCount(values.brokers),
    bed: bedName(values.bed),
    directory: values.directory ?? directoryOf(values.bed),
    help: values.help,
  };
}

function stepsOf(text: string | undefined): string[] {
  if (text === undefined) return [...stepNames];
  const wanted = text.split(',');
  const unknown = wanted.find((name) => !stepNames.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--only: "${unknown}" is no step; there are ${stepNames.join(', ')}`);
  }
  return stepNames.filter((name) => wanted.includes(name));
}

function brokerCount(text: string): number {
  if (['3', '5', '7'].includes(text)) return Number(text);
  throw new UsageError(`--brokers ${text}: 3, 5 or 7 (an even number survives no more than one less)`);
}

function bedName(text: string): string {
  if (bedPattern.test(text)) return text;
  throw new UsageError(`--bed ${text}: a name has 1 to 16 of a-z and 0-9, and begins with a letter`);
}

function hostNumber(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is no host; a host is the last number of its address, 57 say`);
}
