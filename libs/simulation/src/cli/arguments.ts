import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

export interface SimulateArguments {
  readonly first: number;
  /** Infinity when a time was given and no number. */
  readonly seeds: number;
  /** 1 to 7; null for the mixture. */
  readonly members: number | null;
  readonly workers: number;
  /** No new seed is begun after this, ms. */
  readonly forMs: number;
  readonly trace: boolean;
  readonly keepGoing: boolean;
}

/** A wrong option, in one line. */
export class UsageError extends Error {}

const workersMax = 64;
const membersMax = 7;
const seedMax = 2 ** 31 - 1;
const seedsByDefault = 1_000;
const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

export const help = `Runs the cluster against seeded disasters, and checks what it promises.

  npm run simulate -- --seeds 1000
  npm run simulate -- --for 30m
  npm run simulate -- --seed 42 --trace

  --seeds N      how many seeds (${seedsByDefault})
  --for TIME     new seeds until the time is over: 90s, 30m, 8h
  --first K      the first of them (1)
  --seed K       only this one
  --members N    1 to ${membersMax} (mostly ${membersMax}, by seed)
  --workers N    threads (as many as there are cores)
  --trace        with --seed: everything that happens
  --keep-going   do not stop at the first failure`;

/** @returns null when help was asked for. @throws UsageError */
export function readArguments(args: readonly string[]): SimulateArguments | null {
  const values = parse(args);
  if (values.help) return null;
  const seed = values.seed === undefined ? null : whole('seed', values.seed, 0, seedMax);
  if (values.trace && seed === null) throw new UsageError('--trace tells one seed: give --seed K, too');
  if (seed !== null && (values.for !== undefined || values.seeds !== undefined))
    throw new UsageError('--seed is one seed: leave out --seeds and --for');
  const forMs = values.for === undefined ? Infinity : durationMs(values.for);
  const usual = forMs === Infinity ? seedsByDefault : Infinity;
  const seeds = values.seeds === undefined ? usual : whole('seeds', values.seeds, 1, seedMax);
  return {
    first: seed ?? (values.first === undefined ? 1 : whole('first', values.first, 0, seedMax)),
    seeds: seed === null ? seeds : 1,
    members: values.members === undefined ? null : whole('members', values.members, 1, membersMax),
    workers:
      values.workers === undefined
        ? Math.min(workersMax, availableParallelism())
        : whole('workers', values.workers, 1, workersMax),
    forMs,
    trace: values.trace,
    keepGoing: values['keep-going'],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string' },
        for: { type: 'string' },
        first: { type: 'string' },
        seed: { type: 'string' },
        members: { type: 'string' },
        workers: { type: 'string' },
        trace: { type: 'boolean', default: false },
        'keep-going': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${text.split(/\. |\.?\n/)[0]}; see --help`);
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} ${text}: a whole number from ${min} to ${max} would be right`);
}

function durationMs(text: string): number {
  const match = /^(\d+)([smh])$/.exec(text);
  const amount = Number(match?.[1]);
  const unit = unitMs[(match?.[2] ?? 's') as keyof typeof unitMs];
  if (match !== null && amount > 0) return amount * unit;
  throw new UsageError(`--for ${text}: a time such as 90s, 30m or 8h would be right`);
}
