import { availableParallelism } from 'node:os';
import { Command, CommanderError, InvalidArgumentError } from 'commander';

export interface SimulateArguments {
  /** The first seed. */
  readonly first: number;
  /** Number of seeds; Infinity when the user gave a time and no number. */
  readonly seeds: number;
  /** Number of members, 1 to 7; null: the number depends on the seed. */
  readonly members: number | null;
  /** Whether the message pages of the members have faults; see `RunOptions`. */
  readonly pageFaults: boolean;
  /** Whether the cluster has a link to another site; see `RunOptions`. */
  readonly links: boolean;
  readonly workers: number;
  /** Milliseconds from the start of the program after which no further seed starts. */
  readonly forMs: number;
  readonly trace: boolean;
  readonly keepGoing: boolean;
}

/** Error in the command line. The message is one line; the program exits with status 2. */
export class UsageError extends Error {}

interface Options {
  readonly seeds?: number;
  readonly for?: number;
  readonly first: number;
  readonly seed?: number;
  readonly members?: number;
  readonly pageFaults?: true;
  readonly links?: true;
  readonly workers: number;
  readonly trace?: true;
  readonly keepGoing?: true;
}

const workersMax = 64;
const membersMax = 7;
const seedMax = 2 ** 31 - 1;
const seedsByDefault = 1_000;
const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

const examples = `
Examples:
  npm run simulate -- --seeds 1000
  npm run simulate -- --first 3001 --seeds 3000    (seeds 3001 to 6000)
  npm run simulate -- --for 30m
  npm run simulate -- --seeds 1000 --page-faults
  npm run simulate -- --seeds 1000 --links
  npm run simulate -- --seed 42 --trace`;

/** Parses the command line. Returns null after `--help` was printed. @throws UsageError */
export function readArguments(args: readonly string[]): SimulateArguments | null {
  const command = commandLine();
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    throw new UsageError(`${oneLine(error.message)}; see --help`);
  }
  const options = command.opts<Options>();
  const { seed, pageFaults = false, links = false, trace = false, keepGoing = false } = options;
  const { members = null, workers } = options;
  if (trace && seed === undefined) throw new UsageError('--trace prints one seed: add --seed K');
  if (seed !== undefined && (options.for !== undefined || options.seeds !== undefined))
    throw new UsageError('--seed runs one seed: remove --seeds and --for');
  const forMs = options.for ?? Infinity;
  const usual = forMs === Infinity ? seedsByDefault : Infinity;
  const seeds = seed === undefined ? (options.seeds ?? usual) : 1;
  return {
    first: seed ?? options.first,
    seeds,
    members,
    pageFaults,
    links,
    workers,
    forMs,
    trace,
    keepGoing,
  };
}

function commandLine(): Command {
  return new Command('simulate')
    .description('Simulates a cluster with seeded faults and checks the promises of docs/DESIGN.md.')
    .option('--seeds <N>', `number of seeds (default: ${seedsByDefault})`, wholeNumber(1, seedMax))
    .option('--for <TIME>', 'start new seeds for this time: 90s, 30m or 8h', durationMs)
    .option(
      '--first <K>',
      'the first seed; with --seeds it selects one part of a long run',
      wholeNumber(0, seedMax),
      1,
    )
    .option('--seed <K>', 'run only this seed', wholeNumber(0, seedMax))
    .option(
      '--members <N>',
      'number of members (default: 3, 5 or 7, for some seeds 1 to 6)',
      wholeNumber(1, membersMax),
    )
    .option('--page-faults', 'keep queued messages in page files, whose disks have faults of their own')
    .option('--links', 'link the cluster to another site, which is unreachable at times')
    .option(
      '--workers <N>',
      'number of threads',
      wholeNumber(1, workersMax),
      Math.min(workersMax, availableParallelism()),
    )
    .option('--trace', 'with --seed: print every event')
    .option('--keep-going', 'continue after a failed seed')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', examples)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
}

/** Converts an error message of commander to one line: "--members 8: must be a whole number from 1 to 7". */
function oneLine(message: string): string {
  const text = message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  const invalid = /^option '(--[\w-]+)[^']*' argument '(.*)' is invalid\. (.*)$/.exec(text);
  return invalid === null ? text : `${invalid[1]} ${invalid[2]}: ${invalid[3]}`;
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}`);
  };
}

function durationMs(text: string): number {
  const match = /^(\d+)([smh])$/.exec(text);
  const amount = Number(match?.[1]);
  const unit = unitMs[(match?.[2] ?? 's') as keyof typeof unitMs];
  if (match !== null && amount > 0) return amount * unit;
  throw new InvalidArgumentError('must be a time such as 90s, 30m or 8h');
}
