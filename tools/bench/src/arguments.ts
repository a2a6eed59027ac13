import { parseArgs } from 'node:util';
import { gapDefinition } from './failover/failover-report.ts';

export interface BenchArguments {
  readonly command: 'compare' | 'idle' | 'failover' | 'scrape' | 'help';
  readonly targets: readonly string[];
  /** Null: what each target is measured with by default. */
  readonly qos: readonly (0 | 1 | 2)[] | null;
  readonly session: 'clean' | 'persistent' | null;
  readonly publishers: number;
  readonly subscribers: number;
  readonly size: number;
  readonly seconds: number;
  readonly runs: number;
  readonly rate: number;
  readonly window: number;
  readonly members: number;
  /** Connected while `scrape` reads the metrics. */
  readonly clients: number;
  /** Rounds of `failover`: members killed, and members gone silent. */
  readonly kills: number;
  readonly silent: number;
  readonly seed: number;
  /** Folder for the report and its data; null: only printed. */
  readonly out: string | null;
  readonly json: boolean;
}

/** Silent hosts take longer to notice: a quarter as many are measured. */
const silentShare = 0.25;

export class UsageError extends Error {}

export const usage = `bench: throughput and latency beside other brokers, on this machine

  [--targets ours,mosquitto,ours3,nats3,nats3sync]  what to measure, in this order
  [--qos 0,1,2] [--session clean|persistent]        instead of what suits each target
  [--publishers 4] [--subscribers 4] [--size 64]    connections, and bytes of a payload
  [--seconds 10] [--runs 3]                         of each measurement; medians are printed
  [--rate 0]                                        messages a second in total; 0: as many as go
  [--window 100]                                    unacknowledged messages of a publisher
  [--json]

  idle [--members 7] [--seconds 30] [--json]        processor time and memory of a cluster without clients

  scrape [--clients 10000] [--members 1] [--json]    size and time of /metrics of a member with that many clients

  failover [--kills 200] [--silent 50] [--rate 200] [--seed 1] [--out docs/results] [--json]
      how long clients of four makes wait when their member is killed, or goes silent; --out writes failover.md, .json and
      .csv into a folder; --kills 5 --silent 2 for a quick try

${gapDefinition}
`;

const options = {
  targets: { type: 'string', default: 'ours,mosquitto,ours3,nats3,nats3sync' },
  qos: { type: 'string' },
  session: { type: 'string' },
  publishers: { type: 'string', default: '4' },
  subscribers: { type: 'string', default: '4' },
  size: { type: 'string', default: '64' },
  seconds: { type: 'string' },
  runs: { type: 'string', default: '3' },
  rate: { type: 'string' },
  window: { type: 'string', default: '100' },
  members: { type: 'string' },
  clients: { type: 'string', default: '10000' },
  kills: { type: 'string', default: '200' },
  silent: { type: 'string' },
  seed: { type: 'string', default: '1' },
  out: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @throws UsageError in one line what is wrong */
export function readArguments(argv: readonly string[]): BenchArguments {
  const { values, positionals } = parse(argv);
  const [command = 'compare', ...more] = positionals;
  if (more.length > 0 || !isCommand(command)) {
    throw new UsageError(`no command "${positionals.join(' ')}"; --help lists them`);
  }
  const idle = command === 'idle';
  const failover = command === 'failover';
  const kills = number('kills', values.kills, 0, 10_000);
  return {
    command: values.help ? 'help' : command,
    targets: values.targets.split(','),
    qos: values.qos === undefined ? null : values.qos.split(',').map(qosLevel),
    session: session(values.session),
    publishers: number('publishers', values.publishers, 1, 1_000),
    subscribers: number('subscribers', values.subscribers, 1, 1_000),
    size: number('size', values.size, 16, 200_000),
    seconds: number('seconds', values.seconds ?? (idle ? '30' : '10'), 1, 3_600),
    runs: number('runs', values.runs, 1, 100),
    rate: failover
      ? number('rate', values.rate ?? '200', 1, 1_000)
      : number('rate', values.rate ?? '0', 0, 10_000_000),
    window: number('window', values.window, 1, 60_000),
    members: number('members', values.members ?? (command === 'scrape' ? '1' : '7'), 1, 7),
    clients: number('clients', values.clients, 1, 10_000),
    kills,
    silent: number('silent', values.silent ?? String(Math.round(kills * silentShare)), 0, 10_000),
    seed: number('seed', values.seed, 0, 0x7fff_ffff),
    out: values.out ?? null,
    json: values.json,
  };
}

function isCommand(text: string): text is 'compare' | 'idle' | 'failover' | 'scrape' {
  return ['compare', 'idle', 'failover', 'scrape'].includes(text);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}

function qosLevel(text: string): 0 | 1 | 2 {
  if (text !== '0' && text !== '1' && text !== '2')
    throw new UsageError(`--qos "${text}" is none of 0, 1, 2`);
  return Number(text) as 0 | 1 | 2;
}

function session(text: string | undefined): 'clean' | 'persistent' | null {
  if (text === undefined) return null;
  if (text !== 'clean' && text !== 'persistent') throw new UsageError('--session is clean or persistent');
  return text;
}
