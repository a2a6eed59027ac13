import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '@mqtt-cluster/lab';
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
  publishers: { type: 'string' },
  subscribers: { type: 'string' },
  size: { type: 'string' },
  seconds: { type: 'string' },
  runs: { type: 'string' },
  rate: { type: 'string' },
  window: { type: 'string' },
  members: { type: 'string' },
  clients: { type: 'string' },
  kills: { type: 'string' },
  silent: { type: 'string' },
  seed: { type: 'string' },
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
  const kills = wholeNumber('--kills', values.kills, 200, 0, 10_000);
  return {
    command: values.help ? 'help' : command,
    targets: values.targets.split(','),
    qos: values.qos === undefined ? null : values.qos.split(',').map(qosLevel),
    session: session(values.session),
    publishers: wholeNumber('--publishers', values.publishers, 4, 1, 1_000),
    subscribers: wholeNumber('--subscribers', values.subscribers, 4, 1, 1_000),
    size: wholeNumber('--size', values.size, 64, 16, 200_000),
    seconds: wholeNumber('--seconds', values.seconds, idle ? 30 : 10, 1, 3_600),
    runs: wholeNumber('--runs', values.runs, 3, 1, 100),
    rate: failover
      ? wholeNumber('--rate', values.rate, 200, 1, 1_000)
      : wholeNumber('--rate', values.rate, 0, 0, 10_000_000),
    window: wholeNumber('--window', values.window, 100, 1, 60_000),
    members: wholeNumber('--members', values.members, command === 'scrape' ? 1 : 7, 1, 7),
    clients: wholeNumber('--clients', values.clients, 10_000, 1, 10_000),
    kills,
    silent: wholeNumber('--silent', values.silent, Math.round(kills * silentShare), 0, 10_000),
    seed: wholeNumber('--seed', values.seed, 1, 0, 0x7fff_ffff),
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
