import { parseArgs } from 'node:util';
import { ClusterError } from '@mqtt-cluster/contracts';

/** What was typed makes no sense; the message is one clear line. */
export class UsageError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE', message, options);
  }
}

const options = {
  url: { type: 'string' },
  'token-file': { type: 'string' },
  json: { type: 'boolean', default: false },
  stop: { type: 'string' },
  force: { type: 'boolean', default: false },
  'no-exit': { type: 'boolean', default: false },
  wait: { type: 'string' },
  data: { type: 'string' },
  id: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export interface AdminArguments {
  readonly command: string;
  readonly rest: readonly string[];
  readonly url: string | undefined;
  readonly tokenFile: string | undefined;
  readonly json: boolean;
  readonly stop: string | undefined;
  readonly force: boolean;
  readonly exit: boolean;
  readonly waitSeconds: number;
  readonly data: string | undefined;
  readonly id: string | undefined;
  readonly help: boolean;
}

const waitSecondsDefault = 60;
const waitSecondsMax = 86_400;

/** How many words may follow each command. */
const wordsOf: Readonly<Record<string, readonly [number, number]>> = {
  status: [0, 0],
  health: [0, 0],
  members: [0, 0],
  add: [1, 1],
  remove: [1, 1],
  transfer: [0, 1],
  drain: [0, 0],
  undrain: [0, 0],
  bootstrap: [0, 0],
  settings: [0, 100],
  backup: [1, 1],
  restore: [1, 1],
};

/** Commands and options of `broker-publisher admin`; scripts use them, so they never change. */
export const adminCommands = Object.keys(wordsOf);
export const adminOptions = Object.keys(options);

export const usage = `Usage: broker-publisher admin COMMAND [options]

Asks the appliance on this host; what only the leader can do is passed on to it by the cluster itself.

  status                      this member in a few lines
  health [--stop ID]          the cluster in a few lines; exit 0 only if all is well, or if member ID may be stopped now
  members                     the members, their state and how far each is
  add ID                      lets a member in that the peers of all name, and waits until it votes (--wait)
  remove ID [--force]         removes a member; --force although its disk may hold acked messages that the cluster lacks
  transfer [ID]               gives leadership to member ID, or to the one that has most of the log
  drain [--no-exit]           moves all clients and leadership away, then ends the process; --no-exit: stays, for undrain
  undrain                     takes clients again
  bootstrap                   founds the cluster without those members that are not heard (first start only)
  settings [NAME=VALUE ...]   shows what holds for all members (bounds of queues and the like), or changes it
  backup FILE                 writes the replicated state, with its checksum
  restore FILE                fills the empty data directory of this (stopped) member from a backup: it then goes on as a new
                              cluster, which the others join with empty data directories

  --url URL          of the appliance (default: from its configuration)
  --token-file FILE  with the admin token (default: from its configuration)
  --wait SECONDS     how long add, remove, transfer and drain wait (default ${waitSecondsDefault})
  --data DIR         restore: the data directory (default: from the configuration)
  --id ID            restore: the member's id (default: from the configuration)
  --json             prints the answer as JSON
  -h, --help         prints this

Exit code: 0 done, 1 refused or not well, 2 wrong use.
`;

/** @throws UsageError naming the first thing that is wrong */
export function readArguments(words: readonly string[]): AdminArguments {
  let parsed;
  try {
    parsed = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${message.split('. ')[0]}; see --help`, { cause });
  }
  const { values, positionals } = parsed;
  const [command = '', ...rest] = positionals;
  const wanted = Object.hasOwn(wordsOf, command) ? wordsOf[command] : undefined;
  if (!values.help) {
    if (wanted === undefined) {
      const what = command === '' ? 'a command is missing' : `"${command}" is no command`;
      throw new UsageError(`${what}; there are ${Object.keys(wordsOf).join(', ')}; see --help`);
    }
    if (rest.length < wanted[0])
      throw new UsageError(`${command}: something is missing after it; see --help`);
    if (rest.length > wanted[1])
      throw new UsageError(`${command}: "${rest[wanted[1]]}" is too much; see --help`);
  }
  return {
    command,
    rest,
    url: values.url,
    tokenFile: values['token-file'],
    json: values.json,
    stop: values.stop,
    force: values.force,
    exit: !values['no-exit'],
    waitSeconds: readWait(values.wait),
    data: values.data,
    id: values.id,
    help: values.help,
  };
}

function readWait(text: string | undefined): number {
  if (text === undefined) return waitSecondsDefault;
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds <= waitSecondsMax) return seconds;
  throw new UsageError(`--wait: "${text}" is no number of seconds from 0 to ${waitSecondsMax}`);
}

/** `name=value` pairs; numbers become numbers. @throws UsageError */
export function readSettings(words: readonly string[]): Record<string, string | number> {
  const pairs = words.map((word): [string, string | number] => {
    const [, name, value] = /^([A-Za-z]+)=(.+)$/.exec(word) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError(`settings: "${word}" is not of the form NAME=VALUE`);
    return [name, /^\d+$/.test(value) ? Number(value) : value];
  });
  return Object.fromEntries(pairs);
}
