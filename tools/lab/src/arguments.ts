import { resolve } from 'node:path';
import {
  CommandLine,
  duration,
  oneOf,
  Option,
  readCommandLine,
  repeated,
  UsageError,
  wholeNumber,
} from '@mqtt-cluster/kit';
import { parseOverride } from './cluster/environment.ts';
import { firstSite, membersMax, portRangeMax } from './layout.ts';

const folderDefault = '.lab';
const loadMsDefault = 30_000;
/** Messages a second. At this rate the messages during a partition of 7 s do not fill a session's queue (1,000 messages). */
const rateDefault = 50;
const rateMax = 10_000;
const seedDefault = 1;
const seedMax = 0x7fff_ffff;

/** The parsed and checked command line of the lab. */
export interface Arguments {
  readonly command: 'start' | 'up' | 'daemon' | 'fault' | 'status' | 'down' | 'run';
  /** The words that follow `lab fault` and describe the fault. */
  readonly rest: readonly string[];
  readonly members: number;
  /** Absolute path of the lab's folder. */
  readonly folder: string;
  /** Letter of the cluster among several on this machine. */
  readonly site: string;
  readonly folderGiven: boolean;
  /** Settings that `--set` gives to every member, as pairs of key and value. */
  readonly overrides: readonly (readonly [string, string])[];
  readonly forMs: number;
  /** The fault plan of `lab run`. */
  readonly faults: string;
  /** Messages a second of the load of `lab run`, for each QoS. */
  readonly rate: number;
  readonly seed: number;
  /** Whether the verdict includes the failover gaps (P8). Other load on the machine also causes gaps. */
  readonly gapsJudged: boolean;
  readonly json: boolean;
  readonly keep: boolean;
  /** Whether members and clients use TLS, users and rules. */
  readonly secure: boolean;
  /** The first port range to try, as thousands above the default ports; null: only the default ports. */
  readonly portRange: number | null;
}

interface ProgramOptions {
  readonly members: number;
  readonly dir?: string;
  readonly set?: readonly (readonly [string, string])[];
  readonly json?: true;
  readonly keep?: true;
  readonly secure?: true;
  readonly ports?: number;
  readonly site: string;
}

interface RunOptions {
  readonly for: number;
  readonly faults?: string;
  readonly rate: number;
  readonly seed: number;
  readonly gaps: 'judged' | 'shown';
}

const helpOfFaults = `
Faults, for "lab fault" and for a plan ("@time" after each). Members: 1 to 7 or all, joined by + or commas.
  kill:3 start:3                 SIGKILL; start with the same data, and wait until the member serves
  stop:3 wipe:3                  SIGTERM; SIGKILL, and delete the data
  pause:3 resume:3               SIGSTOP; SIGCONT
  rolling                        restart the members one after the other: stop, start, wait until it serves
  cut:1,2,3/4,5,6/7              partition: links between these groups, and to all other members, go silent
  one-way:3 one-way:1,2/3        no data passes from 3 to any member (from 1 and 2 to 3); the other direction works
  flap:3                         the links of 3 fail and recover every second, with silence and resets in turn
  slow:3                         the links of 3 delay by 100 ± 50 ms in each direction
  loss:3 loss:3=5%               1 % (5 %) of TCP segments are lost: the stream stalls for 200 ms or more each time
  throttle:3=1mbit               the rate limit of each link of 3
  full-disk:3 slow-disk:3=200ms  writes fail with ENOSPC; each sync takes that much longer
  clock:3=+5s clock:3=-1h        the wall clock of 3 is off by that much
  heal                           ends all faults of links, disks and clocks

Examples:
  lab up --members 3
  lab up --members 3 --site b
  lab fault cut 1 2 / 3
  lab fault slow-disk 3=200ms
  lab run --for 30s --faults "flap:3@5s,heal@15s"`;

/** Parses the command line. @throws UsageError that contains the first wrong argument. @throws HelpRequested */
export function readArguments(argv: readonly string[]): Arguments {
  return readCommandLine<Arguments>(argv, commandLine);
}

function commandLine(report: (value: Arguments) => void): CommandLine {
  const program = new CommandLine('lab')
    .description('Runs a cluster on this machine, and injects faults on demand.')
    .option('--members <N>', 'number of members', wholeNumber(1, membersMax), membersMax)
    .option('--dir <D>', `folder for data and logs (default: ${folderDefault})`)
    .option(
      '--set <key=value>',
      'a setting of every member: log.level=debug sets MQTT_CLUSTER_LOG_LEVEL',
      repeated(parseOverride),
    )
    .option('--keep', "start, up, down: keep the members' data")
    .option(
      '--secure',
      'start, up, run: mutual TLS between the members; TLS, users and rules for the clients (needs openssl)',
    )
    .option(
      '--ports <N>',
      'start, up: ports N thousand above the default ports (1883 becomes 3883 with 2), or the next free ones',
      wholeNumber(0, portRangeMax),
    )
    .option(
      '--site <a-j>',
      'start, up, fault, status, down: a cluster lab-b beside the first one for b: in the folder .lab-b, with ports 1,000 higher',
      siteOf,
      firstSite,
    )
    .option('--json', 'status, run: print JSON')
    .action(() => report(argumentsOf('start')))
    .addHelpText('after', helpOfFaults);
  const argumentsOf = (
    command: Arguments['command'],
    rest: readonly string[] = [],
    run: Partial<RunOptions> = {},
  ): Arguments => {
    const options = program.opts<ProgramOptions>();
    const { members, dir, set = [], json = false, keep = false, secure = false, site } = options;
    const { ports = site === firstSite ? null : site.charCodeAt(0) - firstSite.charCodeAt(0) } = options;
    return {
      command,
      rest,
      members,
      folder: resolve(dir ?? (site === firstSite ? folderDefault : `${folderDefault}-${site}`)),
      site,
      folderGiven: dir !== undefined,
      overrides: set,
      forMs: run.for ?? loadMsDefault,
      faults: run.faults ?? '',
      rate: run.rate ?? rateDefault,
      seed: run.seed ?? seedDefault,
      gapsJudged: run.gaps !== 'shown',
      json,
      keep,
      secure,
      portRange: ports,
    };
  };
  const simple = (name: Arguments['command'], description: string): void => {
    program
      .command(name)
      .description(description)
      .action(() => report(argumentsOf(name)));
  };
  simple('start', 'starts members and a client, and shows a live view (npm start); the default command');
  simple('up', 'starts members in the background, and prints their addresses as JSON');
  program
    .command('fault <fault...>')
    .description('injects a fault: kill 3, cut 1 2 / 3, loss 3=5%')
    .action((words: string[]) => report(argumentsOf('fault', words)));
  simple('status', 'prints the state of every member');
  simple('down', "stops everything, and deletes the members' data");
  program
    .command('run')
    .description('runs a load with faults, and prints a verdict; exits with 0 if every promise held')
    .addOption(
      new Option('--for <TIME>', 'duration of the load')
        .argParser(duration('0s', '7d'))
        .default(loadMsDefault, '30s'),
    )
    .option('--faults <PLAN>', 'faults and their times, for example "kill:3@5s,start:3@15s"')
    .option('--rate <N>', 'messages a second for each QoS', wholeNumber(1, rateMax), rateDefault)
    .option('--seed <S>', 'seed of the load', wholeNumber(0, seedMax), seedDefault)
    .option(
      '--gaps <judged|shown>',
      'shown: the verdict ignores failover gaps, for a machine with other load',
      oneOf('judged', 'shown'),
      'judged',
    )
    .action((options: RunOptions) => report(argumentsOf('run', [], options)));
  program.command('daemon', { hidden: true }).action(() => report(argumentsOf('daemon')));
  return program;
}

/** Checks the letter of a site: one for each port range. */
function siteOf(text: string): string {
  if (/^[a-j]$/.test(text)) return text;
  throw new UsageError(`--site must be a letter from a to j, not "${text}"`);
}
