import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '@mqtt-cluster/lab';

export const usage = `watch: runs a lab of seven members, publishers and an application, with a Prometheus that scrapes them

  npm run watch                     starts the lab, prints the addresses, and runs until Ctrl-C
  npm run watch -- --check          kills a member under load, then compares the values in Prometheus with those of the
                                    application and of the lab's verifying load; exit status 0 only when they agree

  --members N      1 to 7 (default 7; --check needs 3)
  --rate N         messages per second for each QoS and publisher (default 5)
  --for 20s        --check: how long the verifying load runs (default 10s)
  --dir D          folder for data, logs and samples (default .lab/watch)

Prometheus must be installed (Debian: apt-get install prometheus). Its rules use shorter durations here: one minute
in production is two seconds.
`;

const options = {
  members: { type: 'string' },
  rate: { type: 'string' },
  for: { type: 'string' },
  dir: { type: 'string' },
  check: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const membersMax = 7;
const membersOfCheckMin = 3;
const rateMax = 1_000;
const loadSecondsMax = 600;

export interface WatchArguments {
  readonly help: boolean;
  readonly check: boolean;
  readonly members: number;
  readonly rate: number;
  readonly loadMs: number;
  readonly folder: string;
}

/** @throws UsageError that names the first invalid argument. */
export function readArguments(argv: readonly string[]): WatchArguments {
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}; "--help" lists the options`);
  }
  const { values, positionals } = parsed;
  if (positionals[0] !== undefined) {
    throw new UsageError(`"${positionals[0]}" is not an argument of watch; "--help" lists the options`);
  }
  const check = values.check ?? false;
  const seconds = values.for ?? '10s';
  if (!/^\d+s$/.test(seconds))
    throw new UsageError(`--for must be whole seconds such as 20s, not "${seconds}"`);
  return {
    help: values.help ?? false,
    check,
    members: wholeNumber('--members', values.members, membersMax, check ? membersOfCheckMin : 1, membersMax),
    rate: wholeNumber('--rate', values.rate, 5, 1, rateMax),
    loadMs: wholeNumber('--for', seconds.slice(0, -1), 10, 1, loadSecondsMax) * 1_000,
    folder: values.dir ?? '.lab/watch',
  };
}
