import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseOverride } from './cluster/environment.ts';
import { messageOf, UsageError } from './errors.ts';
import { parseDuration } from './fault-forms.ts';
import { membersMax } from './layout.ts';
import { wholeNumber } from './whole-number.ts';

const options = {
  members: { type: 'string' },
  dir: { type: 'string' },
  set: { type: 'string', multiple: true },
  for: { type: 'string' },
  faults: { type: 'string' },
  rate: { type: 'string' },
  seed: { type: 'string' },
  gaps: { type: 'string' },
  json: { type: 'boolean' },
  keep: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Low enough that 7 s of a split stay below the bound of a session's queue, 1,000 messages. */
const rateDefault = 50;
const rateMax = 10_000;

/** The command line, read and checked. */
export interface Arguments {
  readonly command: string;
  /** What follows the command. */
  readonly rest: readonly string[];
  readonly members: number;
  /** Absolute. */
  readonly folder: string;
  readonly folderGiven: boolean;
  readonly overrides: readonly (readonly [string, string])[];
  readonly forMs: number;
  readonly faults: string;
  /** Messages a second for each QoS. */
  readonly rate: number;
  readonly seed: number;
  /** Whether P8 is part of the verdict: other work on the machine makes gaps of its own. */
  readonly gapsJudged: boolean;
  readonly json: boolean;
  readonly keep: boolean;
  readonly help: boolean;
}

/** @throws UsageError naming the first thing that is wrong. */
export function readArguments(argv: readonly string[]): Arguments {
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(messageOf(error).split('. ')[0] ?? 'wrong arguments', { cause: error });
  }
  const { values, positionals } = parsed;
  const [command = 'start', ...rest] = positionals;
  return {
    command,
    rest,
    members: wholeNumber('--members', values.members, membersMax, 1, membersMax),
    folder: resolve(values.dir ?? '.lab'),
    folderGiven: values.dir !== undefined,
    overrides: (values.set ?? []).map(parseOverride),
    forMs: parseDuration(values.for ?? '30s'),
    faults: values.faults ?? '',
    rate: wholeNumber('--rate', values.rate, rateDefault, 1, rateMax),
    seed: wholeNumber('--seed', values.seed, 1, 0, 0x7fffffff),
    gapsJudged: readGaps(values.gaps),
    json: values.json ?? false,
    keep: values.keep ?? false,
    help: values.help ?? false,
  };
}

function readGaps(text = 'judged'): boolean {
  if (text !== 'judged' && text !== 'shown')
    throw new UsageError(`--gaps must be judged or shown, not "${text}"`);
  return text === 'judged';
}
