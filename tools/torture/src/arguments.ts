import { CommandLine, duration, listOf, oneOf, repeated, UsageError, wholeNumber } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { parseOverride } from '@mqtt-cluster/lab';
import { findScenario, rollingUpdate, scenarios } from './scenarios/scenarios.ts';
import type { Scenario } from './scenarios/scenarios.ts';

const targetNames = ['lab', 'mosquitto', 'nats', 'rabbitmq'] as const;
type TargetName = (typeof targetNames)[number];

const membersMax = 7;
const membersDefault = 7;
const otherBrokersDefault = 3;
const rateMax = 5_000;
/**
 * Default rate. At this rate no session's queue reaches its bound of 1,000 messages while its client is not
 * served.
 */
const rateDefault = 100;
const messagesMax = 100_000_000;
const forMsDefault = 18_000;
const seedMax = 0x7fff_ffff;

const examples = `
Examples:
  npm run torture -- --scenario all --seed 1      every scenario, with about 18 s of load and faults each
  npm run torture -- --scenario kill-one,wipe     two scenarios; --list prints all
  npm run torture -- --for 60m                    all faults mixed for an hour, and the resources of the members
  npm run torture -- --messages 1000000 --rate 500
  npm run torture -- --scenario rolling-update --from HEAD~1
  npm run torture -- --secure --scenario all
  npm run torture -- --target mosquitto --scenario kill-one,pause
  npm run torture -- --brokers 10.0.0.1:1883,10.0.0.2:1883 --scenario calm,roaming
  npm run torture -- --recheck .torture/run.jsonl`;

/** The parsed and checked command line of the torture program. */
export interface Arguments {
  readonly command: 'run' | 'recheck' | 'list';
  readonly scenarios: readonly Scenario[];
  /** The commit of `--from`; null without `rolling-update`. */
  readonly from: string | null;
  readonly seed: number;
  /** Duration of load and faults in each scenario, ms. */
  readonly forMs: number;
  /** Number of acknowledged messages after which each scenario ends; null: it ends after {@link forMs}. */
  readonly messages: number | null;
  /** PUBLISH packets a second, of all clients together. */
  readonly rate: number;
  readonly members: number;
  readonly target: TargetName | 'brokers';
  readonly brokers: readonly ServerAddress[];
  /** Settings of every member, as pairs of key and value. */
  readonly overrides: readonly (readonly [string, string])[];
  /** Whether members and clients of the lab use TLS, users and rules. */
  readonly secure: boolean;
  /** Path of the option `--history`; null without the option: the history is then a file in .torture. */
  readonly history: string | null;
  readonly keep: boolean;
  /** Path of the history to check again (`--recheck`); empty without that option. */
  readonly recheck: string;
  readonly json: boolean;
}

interface Options {
  readonly scenario: readonly Scenario[];
  readonly from?: string;
  readonly seed: number;
  readonly for?: number;
  readonly messages?: number;
  readonly rate: number;
  readonly members?: number;
  readonly target?: TargetName;
  readonly brokers?: readonly ServerAddress[];
  readonly set?: readonly (readonly [string, string])[];
  readonly secure?: true;
  readonly history?: string;
  readonly keep?: true;
  readonly recheck?: string;
  readonly json?: true;
  readonly list?: true;
}

/**
 * Parses the command line. @throws UsageError that contains the first wrong argument and its expected form.
 * @throws HelpRequested
 */
export function readArguments(argv: readonly string[]): Arguments {
  const program = commandLine();
  program.read(argv);
  const given = program.opts<Options>();
  if (given.brokers !== undefined && given.target !== undefined)
    throw new UsageError('--brokers and --target exclude each other: both select the target');
  if (given.for !== undefined && given.messages !== undefined)
    throw new UsageError('--for and --messages exclude each other: both set the end of a scenario');
  const target = given.brokers === undefined ? (given.target ?? 'lab') : 'brokers';
  const overrides = given.set ?? [];
  const secure = given.secure ?? false;
  if (secure && target !== 'lab') throw new UsageError('--secure is for --target lab only');
  if (secure && given.from !== undefined)
    throw new UsageError(
      '--secure and --from exclude each other: the earlier build may have no listeners with TLS',
    );
  if (overrides.length > 0 && target !== 'lab') throw new UsageError('--set is for --target lab only');
  return {
    command: given.list ? 'list' : given.recheck === undefined ? 'run' : 'recheck',
    scenarios: given.scenario,
    from: commitOf(given.from, given.scenario, target),
    seed: given.seed,
    forMs: given.for ?? forMsDefault,
    messages: given.messages ?? null,
    rate: given.rate,
    members: given.members ?? (target === 'lab' ? membersDefault : otherBrokersDefault),
    target,
    brokers: given.brokers ?? [],
    overrides,
    secure,
    history: given.history ?? null,
    keep: given.keep ?? false,
    recheck: given.recheck ?? '',
    json: given.json ?? false,
  };
}

function commandLine(): CommandLine {
  const mixed = scenariosOf('mixed');
  const program = new CommandLine('torture')
    .description('Loads this cluster or another broker, injects faults, and checks MQTT semantics.')
    .option('--scenario <A,B|all>', 'scenarios to run (default: mixed)', scenariosOf)
    .option('--from <COMMIT>', 'rolling-update: half of the members start with the build of this commit')
    .option('--seed <K>', 'seed of load and faults; a seed gives one plan', wholeNumber(0, seedMax), 1)
    .option(
      '--for <TIME>',
      'duration of load and faults in each scenario (default: 18s)',
      duration('1s', '168h'),
    )
    .option(
      '--messages <N>',
      'instead of --for: acknowledged QoS 1 and 2 messages after which a scenario ends',
      wholeNumber(1, messagesMax),
    )
    .option('--rate <N>', 'messages a second, of all clients together', wholeNumber(1, rateMax), rateDefault)
    .option(
      '--members <N>',
      `members of the target (default: ${membersDefault}; other brokers: ${otherBrokersDefault})`,
      wholeNumber(1, membersMax),
    )
    .option(
      '--target <NAME>',
      `${targetNames.join(', ')} (default: lab, this cluster)`,
      oneOf(...targetNames),
    )
    .option(
      '--brokers <H:P,...>',
      'running brokers of one cluster; the torture injects no faults into them',
      listOf(brokerOf),
    )
    .option(
      '--set <key=value>',
      'a setting of every member of the lab, as in "lab --set"',
      repeated(parseOverride),
    )
    .option(
      '--secure',
      'the lab uses mutual TLS between the members, and TLS, users and rules for the clients (needs openssl)',
    )
    .option(
      '--history <FILE>',
      'path of the history (.gz: compressed); each of several scenarios gets its own file',
    )
    .option('--keep', 'keep histories, data and logs in .torture even if all scenarios pass')
    .option('--recheck <FILE>', 'check a history again')
    .option('--json', 'print the verdict as a JSON object')
    .option('--list', 'print the scenarios')
    .addHelpText('after', examples)
    .action(() => undefined);
  program.setOptionValue('scenario', mixed);
  return program as CommandLine;
}

function scenariosOf(text: string): readonly Scenario[] {
  if (text === 'all') return scenarios;
  return text.split(',').map((name) => {
    const found = findScenario(name.trim());
    if (found === undefined) throw new UsageError(`unknown scenario "${name}"; --list prints all scenarios`);
    return found;
  });
}

function commitOf(
  commit: string | undefined,
  chosen: readonly Scenario[],
  target: TargetName | 'brokers',
): string | null {
  const updates = chosen.includes(rollingUpdate);
  if (updates && commit === undefined) {
    throw new UsageError(
      'rolling-update needs --from COMMIT: half of the members start with the build of that commit',
    );
  }
  if (commit === undefined) return null;
  if (!updates || chosen.length > 1) throw new UsageError('--from is for --scenario rolling-update alone');
  if (target !== 'lab') throw new UsageError('--from is for --target lab only');
  return commit;
}

function brokerOf(text: string): ServerAddress {
  const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) < 1 || Number(port) > 65_535)
    throw new UsageError(`--brokers must be a list of host:port, and "${text}" is not host:port`);
  return { id: text, host, port: Number(port) };
}
