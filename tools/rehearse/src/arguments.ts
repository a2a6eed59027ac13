import { parseArgs } from 'node:util';
import { UsageError } from './errors.ts';
import { stepNames } from './rehearsal.ts';

const commands = ['run', 'up', 'down', 'wipe', 'kill', 'start', 'cut', 'heal', 'ssh', 'static'] as const;
export type Command = (typeof commands)[number];

export interface Arguments {
  readonly command: Command;
  readonly hosts: readonly number[];
  /** After the host of `ssh`. */
  readonly words: readonly string[];
  readonly only: readonly string[];
  readonly keep: boolean;
  readonly brokers: number;
  readonly directory: string;
  readonly help: boolean;
}

export const directoryDefault = '/var/tmp/mqtt-cluster-rehearsal';

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
  --keep          leave the hosts running at the end
  --directory D   where hosts, disks and logs are (default ${directoryDefault})
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
        directory: { type: 'string', default: directoryDefault },
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
  const numbered = command === 'ssh' ? rest.slice(0, 1) : rest;
  return {
    command,
    hosts: numbered.map(hostNumber),
    words: command === 'ssh' ? rest.slice(1) : [],
    only: stepsOf(values.only),
    keep: values.keep,
    brokers: brokerCount(values.brokers),
    directory: values.directory,
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

function hostNumber(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is no host; a host is the last number of its address, 57 say`);
}
