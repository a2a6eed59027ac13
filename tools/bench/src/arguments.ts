import {
  CommandLine,
  duration,
  listOf,
  oneOf,
  readCommandLine,
  repeated,
  UsageError,
  wholeNumber,
} from '@mqtt-cluster/kit';
import { parseOverride } from '@mqtt-cluster/lab';
import { gapDefinition } from './failover/gap-definition.ts';
import { attacks } from './hostile/attacks/index.ts';
import { floods } from './memory/floods.ts';
import { rows } from './rows/index.ts';

export interface BenchArguments {
  readonly command:
    | 'compare'
    | 'idle'
    | 'low-rate'
    | 'sweep'
    | 'rows'
    | 'quick'
    | 'failover'
    | 'scrape'
    | 'hostile'
    | 'lists'
    | 'link'
    | 'memory';
  /** Names of the targets that `compare` measures, in this order. */
  readonly targets: readonly string[];
  /** QoS levels that `compare` measures; null for the default levels of each target. */
  readonly qos: readonly (0 | 1 | 2)[] | null;
  /** Kind of the clients' sessions; null for the default of each target. */
  readonly session: 'clean' | 'persistent' | null;
  readonly publishers: number;
  readonly subscribers: number;
  /** Bytes of a payload. */
  readonly size: number;
  readonly seconds: number;
  readonly runs: number;
  /** Messages a second; 0: as many as possible. */
  readonly rate: number;
  /** Largest number of unacknowledged messages of each publisher. */
  readonly window: number;
  readonly members: number;
  /** Cluster sizes that `low-rate` and `sweep` measure, in this order. */
  readonly sizes: readonly number[];
  /** Loads that `sweep` measures, messages a second, in this order; 0: as many as possible. */
  readonly rates: readonly number[];
  /** Clients that are connected while `scrape` reads the metrics; clients of `rows`; sessions of `lists`. */
  readonly clients: number;
  /** Clients of `lists` that are connected; the others are absent. */
  readonly connected: number;
  /** Retained messages of `lists`. */
  readonly retained: number;
  /** Queued messages of `rows`. */
  readonly messages: number;
  /** Number of rounds of `failover` in which a member is killed. */
  readonly kills: number;
  /** Number of rounds of `failover` in which a member goes silent. */
  readonly silent: number;
  /** Seed of the random choice of members in `failover`. */
  readonly seed: number;
  /** Names of the rows, attacks or floods that `rows`, `hostile` or `memory` measures; null: all. */
  readonly only: readonly string[] | null;
  /** Whether the clients of `rows` use TLS. Then only this cluster is measured. */
  readonly tls: boolean;
  /** Only list the rows, attacks or floods. */
  readonly list: boolean;
  /** Time before each attack and of each attack, or of each phase of `lists`, ms. */
  readonly forMs: number;
  /** Time from the start of the members until `idle` measures, ms. Node compiles and collects garbage meanwhile. */
  readonly afterMs: number;
  /** Memory of the unit of each member of `memory`, MiB. */
  readonly mebibytes: number;
  /** Whether the members of `memory` do not know the limit of their unit. */
  readonly unguarded: boolean;
  /** Settings of every member of `hostile`, as pairs of key and value. */
  readonly set: readonly (readonly [string, string])[];
  /** Folder for the CPU profiles of `low-rate`; null: no profile. */
  readonly profile: string | null;
  /** Folder for the report of `failover`, `hostile`, `lists`, `sweep`, `memory` or `link` and its data; null: it is only printed. */
  readonly out: string | null;
  readonly json: boolean;
}

const targetsDefault = 'ours,mosquitto,ours3,nats3,nats3sync';
/** Default number of silent hosts as a share of the kills. It is below 1, because a round with a silent host takes longer. */
const silentShare = 0.25;

/** What `--tls` measures: each target of this cluster beside the same one with TLS. */
const targetsOfTls = 'ours,ours-tls';

const defaults: BenchArguments = {
  command: 'compare',
  targets: targetsDefault.split(','),
  qos: null,
  session: null,
  publishers: 4,
  subscribers: 4,
  size: 64,
  seconds: 10,
  runs: 3,
  rate: 0,
  window: 100,
  members: 7,
  sizes: [1, 3, 7],
  rates: [10, 100, 1_000, 0],
  clients: 10_000,
  connected: 2_000,
  retained: 100_000,
  messages: 100_000,
  kills: 200,
  silent: 50,
  seed: 1,
  only: null,
  tls: false,
  list: false,
  forMs: 15_000,
  afterMs: 30_000,
  mebibytes: 512,
  unguarded: false,
  set: [],
  profile: null,
  out: null,
  json: false,
};

/** Parses the command line. @throws UsageError that contains the first wrong argument. @throws HelpRequested */
export function readArguments(argv: readonly string[]): BenchArguments {
  return readCommandLine<BenchArguments>(argv, commandLine);
}

function commandLine(report: (value: BenchArguments) => void): CommandLine {
  const program = new CommandLine('bench')
    .description('Measures throughput, latency and failover on this machine, beside other brokers.')
    .option('--json', 'print JSON')
    .addHelpText('after', `\n${gapDefinition}`);
  const reportWith =
    (command: BenchArguments['command']) =>
    (options: Partial<BenchArguments>): void =>
      report({ ...defaults, ...program.opts<{ json?: true }>(), ...options, command });
  const seconds = wholeNumber(1, 3_600);
  const members = wholeNumber(1, 7);
  program
    .command('compare', { isDefault: true })
    .description('throughput and latency of each target; the default command')
    .option(
      '--targets <NAME,...>',
      `what to measure, in this order (default: ${targetsDefault})`,
      listOf((name) => name),
    )
    .option('--quick', 'throughput, low rate and rows, each short; ends with all tables (about five minutes)')
    .option('--tls', `throughput with TLS beside without: the same as --targets ${targetsOfTls}`)
    .option('--qos <Q,...>', 'QoS levels (default: those that suit each target)', listOf(qosLevel))
    .option(
      '--session <clean|persistent>',
      'sessions of the clients (default: those that suit each target)',
      oneOf('clean', 'persistent'),
    )
    .option('--publishers <N>', 'publishing connections', wholeNumber(1, 1_000), defaults.publishers)
    .option('--subscribers <N>', 'subscribing connections', wholeNumber(1, 1_000), defaults.subscribers)
    .option('--size <N>', 'bytes of a payload', wholeNumber(16, 200_000), defaults.size)
    .option('--seconds <N>', 'length of each measurement', seconds, defaults.seconds)
    .option('--runs <N>', 'number of measurements; medians are printed', wholeNumber(1, 100), defaults.runs)
    .option(
      '--rate <N>',
      'messages a second of all publishers together; 0: as many as possible',
      wholeNumber(0, 10_000_000),
      defaults.rate,
    )
    .option(
      '--window <N>',
      'unacknowledged messages of each publisher',
      wholeNumber(1, 60_000),
      defaults.window,
    )
    .action(({ tls, quick, ...options }: Partial<BenchArguments> & CompareFlags) => {
      if (quick) return reportWith('quick')({});
      if (tls && options.targets !== undefined)
        throw new UsageError('--tls and --targets exclude each other: both select the targets');
      reportWith('compare')(tls ? { ...options, targets: targetsOfTls.split(',') } : options);
    });
  program
    .command('idle')
    .description(
      'processor time and memory of a cluster without clients, with the console closed and then open',
    )
    .option('--members <N>', 'number of members', members, 7)
    .option('--seconds <N>', 'length of each measurement', seconds, 60)
    .option(
      '--after <TIME>',
      'time from the start until the measurement; Node compiles for some minutes',
      duration('10s', '60m'),
      defaults.afterMs,
    )
    .action(
      ({ after: afterMs = defaults.afterMs, ...options }: Partial<BenchArguments> & { after?: number }) =>
        reportWith('idle')({ ...options, afterMs }),
    );
  program
    .command('low-rate')
    .description('latency, processor time and work of each member for a message, at a low rate')
    .option('--members <N,...>', 'cluster sizes (default: 1,3,7)', listOf(members))
    .option('--rate <N>', 'messages a second; 0: as many as possible', wholeNumber(0, 10_000_000), 100)
    .option('--publishers <N>', 'pairs of clients (default: one for each member)', wholeNumber(1, 1_000))
    .option('--seconds <N>', 'length of each measurement', seconds, 20)
    .option('--runs <N>', 'number of measurements; medians are printed', wholeNumber(1, 100), 1)
    .option('--profile <FOLDER>', 'write a CPU profile of each member, and print its largest parts')
    .action(
      ({
        members: sizes = defaults.sizes,
        publishers = 0,
        ...options
      }: Partial<Omit<BenchArguments, 'members'>> & { readonly members?: readonly number[] }) =>
        reportWith('low-rate')({ ...options, sizes, publishers }),
    );
  program
    .command('sweep')
    .description('latency and processor time of a message over cluster sizes and loads, with charts')
    .option('--members <N,...>', 'cluster sizes (default: 1,3,5,7)', listOf(members))
    .option(
      '--rates <N,...>',
      `messages a second; 0: as many as possible (default: ${defaults.rates.join(',')})`,
      listOf(wholeNumber(0, 10_000_000)),
    )
    .option('--seconds <N>', 'length of each measurement', seconds, 10)
    .option('--runs <N>', 'number of measurements; medians are printed', wholeNumber(1, 100), 1)
    .option('--out <FOLDER>', 'write sweep.md, sweep.json and two charts (SVG) into this folder')
    .addHelpText('after', '\nFor a quick try: --members 1,3 --rates 10,100 --seconds 5')
    .action(
      ({
        members: sizes = [1, 3, 5, 7],
        ...options
      }: Partial<Omit<BenchArguments, 'members'>> & { readonly members?: readonly number[] }) =>
        reportWith('sweep')({ ...options, sizes, publishers: 0 }),
    );
  program
    .command('rows')
    .description(
      'connections, idle clients, fan-out, many filters, queues and a connect storm, beside mosquitto',
    )
    .option('--list', 'print the names of the rows and do nothing else')
    .option(
      '--only <NAME,...>',
      'measure only these rows (default: all)',
      listOf(oneOf(...rows.map(({ name }) => name))),
    )
    .option('--tls', 'clients use TLS; without mosquitto and storm')
    .option('--clients <N>', 'clients of connect, idle-clients and storm', wholeNumber(100, 9_500), 4_000)
    .option('--messages <N>', 'queued messages of queue', wholeNumber(2_000, 1_000_000), defaults.messages)
    .option(
      '--size <N>',
      'bytes of a payload of fan-out and of filters',
      wholeNumber(16, 200_000),
      defaults.size,
    )
    .option('--seconds <N>', 'length of fan-out and of filters', seconds, defaults.seconds)
    .option('--runs <N>', 'number of measurements; medians are printed', wholeNumber(1, 100), defaults.runs)
    .option('--seed <N>', 'seed of the random topics', wholeNumber(0, 0x7fff_ffff), defaults.seed)
    .addHelpText('after', '\nFor a quick try: --runs 1 --seconds 3 --clients 1000 --messages 10000')
    .action(reportWith('rows'));
  program
    .command('scrape')
    .description('size and response time of /metrics of a member with many clients')
    .option('--clients <N>', 'connected clients', wholeNumber(1, 10_000), defaults.clients)
    .option('--members <N>', 'number of members', members, 1)
    .action(reportWith('scrape'));
  program
    .command('failover')
    .description('how long clients wait, and what they lose, when their member is killed or goes silent')
    .option('--kills <N>', 'rounds in which a member is killed', wholeNumber(0, 10_000), defaults.kills)
    .option(
      '--silent <N>',
      'rounds in which a member goes silent (default: a quarter of --kills)',
      wholeNumber(0, 10_000),
    )
    .option('--rate <N>', 'messages a second of each publisher', wholeNumber(1, 1_000), 200)
    .option('--seed <N>', 'seed of the choice of members', wholeNumber(0, 0x7fff_ffff), defaults.seed)
    .option('--out <FOLDER>', 'write failover.md, .json and .csv into this folder')
    .addHelpText('after', '\nFor a quick try: --kills 5 --silent 2')
    .action((options: Partial<BenchArguments>) => {
      const { kills = defaults.kills, silent = Math.round(kills * silentShare) } = options;
      reportWith('failover')({ ...options, kills, silent });
    });
  program
    .command('hostile')
    .description(
      'what each attack of a hostile client costs a witness, on the attacked member and on another one',
    )
    .option('--list', 'print the names of the attacks and do nothing else')
    .option(
      '--only <NAME,...>',
      'measure only these attacks (default: all)',
      listOf(oneOf(...attacks.map(({ name }) => name))),
    )
    .option(
      '--for <TIME>',
      'time before each attack, and of each attack',
      duration('2s', '10m'),
      defaults.forMs,
    )
    .option('--members <N>', 'number of members', wholeNumber(3, 7), 3)
    .option(
      '--set <key=value>',
      'a setting of every member, as in "lab --set": shows what a bound of yours changes',
      repeated(parseOverride),
    )
    .option('--out <FOLDER>', 'write hostile.md and hostile.json into this folder')
    .addHelpText(
      'after',
      '\nFor a quick try: --only control-processor,queue-bytes --for 5s' +
        '\nWith a bound: --only control-processor,queue-bytes --set limits.clients.publishBytesPerSecondMax=2000000',
    )
    .action(({ for: forMs = defaults.forMs, ...options }: Partial<BenchArguments> & { for?: number }) =>
      reportWith('hostile')({ ...options, forMs }),
    );
  program
    .command('lists')
    .description('what it costs the clients that an operator reads all lists of the HTTP API')
    .option('--members <N>', 'number of members', wholeNumber(3, 7), 3)
    .option('--clients <N>', 'sessions', wholeNumber(100, 100_000), defaults.clients)
    .option('--connected <N>', 'connected clients among them', wholeNumber(1, 20_000), defaults.connected)
    .option('--retained <N>', 'retained messages', wholeNumber(1_000, 1_000_000), defaults.retained)
    .option('--for <TIME>', 'time without listing, and with it', duration('2s', '10m'), 30_000)
    .option('--out <FOLDER>', 'write lists.md and lists.json into this folder')
    .addHelpText('after', '\nFor a quick try: --clients 1000 --connected 100 --retained 5000 --for 5s')
    .action(({ for: forMs = defaults.forMs, ...options }: Partial<BenchArguments> & { for?: number }) => {
      const { clients = defaults.clients, connected = defaults.connected } = options;
      if (connected > clients)
        throw new UsageError(`--connected ${connected} is more than --clients ${clients}`);
      reportWith('lists')({ ...options, forMs });
    });
  program
    .command('memory')
    .description('whether a member whose unit limits its memory refuses work before the kernel kills it')
    .option('--list', 'print the names of the floods and do nothing else')
    .option(
      '--only <NAME,...>',
      'measure only these floods (default: all)',
      listOf(oneOf(...floods.map(({ name }) => name))),
    )
    .option('--for <TIME>', 'time of each flood', duration('2s', '10m'), 30_000)
    .option('--members <N>', 'number of members; the flood goes to the first one', members, 1)
    .option(
      '--mebibytes <N>',
      'memory of the unit of each member',
      wholeNumber(128, 65_536),
      defaults.mebibytes,
    )
    .option('--unguarded', 'a member that does not know its limit: shows that the check can fail')
    .option('--out <FOLDER>', 'write memory.md and memory.json into this folder')
    .addHelpText(
      'after',
      '\nNeeds root and control groups of version 1 (/sys/fs/cgroup/memory). Each flood has members of its own, with the' +
        '\nlimits that the playbooks derive from broker_publisher_memory_max. Then all members restart within their limits,' +
        '\nand an absent session receives what was acknowledged to a well-behaved client.' +
        '\nFor a quick try: --only queue-bytes --for 10s',
    )
    .action(({ for: forMs = 30_000, ...options }: Partial<BenchArguments> & { for?: number }) =>
      reportWith('memory')({ ...options, forMs }),
    );
  program
    .command('link')
    .description("throughput of a link to mosquitto beside mosquitto's own bridge, in both directions")
    .option('--members <N>', 'members of the cluster', members, 3)
    .option('--qos <Q,...>', 'QoS levels (default: 1,2)', listOf(qosLevel))
    .option('--size <N>', 'bytes of a payload', wholeNumber(16, 200_000), defaults.size)
    .option('--window <N>', 'unacknowledged messages of the publisher', wholeNumber(1, 60_000), 1_000)
    .option('--seconds <N>', 'length of each measurement', seconds, defaults.seconds)
    .option('--runs <N>', 'number of measurements; medians are printed', wholeNumber(1, 100), defaults.runs)
    .option('--out <FOLDER>', 'write link.md and link.json into this folder')
    .addHelpText('after', '\nFor a quick try: --runs 1 --seconds 3 --qos 1')
    .action(reportWith('link'));
  return program;
}

interface CompareFlags {
  readonly tls?: true;
  readonly quick?: true;
}

const qosWord = oneOf('0', '1', '2');

function qosLevel(text: string): 0 | 1 | 2 {
  return Number(qosWord(text)) as 0 | 1 | 2;
}
