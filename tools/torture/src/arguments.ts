import { parseArgs } from 'node:util';
import { parseOverride, UsageError, wholeNumber } from '@mqtt-cluster/lab';
import { messageOf } from './errors.ts';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { findScenario, rollingUpdate, scenarios } from './scenarios/scenarios.ts';
import type { Scenario } from './scenarios/scenarios.ts';

export const targetNames = ['lab', 'mosquitto', 'nats', 'rabbitmq'] as const;
export type TargetName = (typeof targetNames)[number];

const membersMax = 7;
const membersDefault = 7;
const peersDefault = 3;
const rateMax = 5_000;
/** Below it no session's queue comes near its bound, 1,000 messages, while its client can't be served. */
const rateDefault = 100;
const messagesMax = 100_000_000;
const forMsDefault = 18_000;
const forMsMin = 1_000;
const forMsMax = 7 * 86_400_000;
const seedMax = 0x7fff_ffff;

export const usage = `torture: load, faults and a judge of MQTT semantics, against this cluster or another broker

  npm run torture -- --scenario all --seed 1      every scenario, about 18 s of load and faults each
  npm run torture -- --scenario kill-one,wipe     some of them; --list tells what there is
  npm run torture -- --for 60m                    all faults mixed for an hour, and what the members' processes use
  npm run torture -- --messages 1000000 --rate 500
  npm run torture -- --scenario rolling-update --from HEAD~1
  npm run torture -- --target mosquitto --scenario kill-one,pause
  npm run torture -- --brokers 10.0.0.1:1883,10.0.0.2:1883 --scenario calm,roaming
  npm run torture -- --recheck .torture/run.jsonl

  --scenario A,B|all     default mixed
  --from COMMIT          of rolling-update: half of the members start with the build of this commit
  --seed K               of load and faults (default 1): the same seed, the same plan
  --for 30s              how long load and faults last in each scenario (default 18s)
  --messages N           instead of a time: until N messages of QoS 1 and 2 have been acknowledged
  --rate N               messages a second, of all clients together (default ${rateDefault})
  --members N            of the target (default ${membersDefault}; peers: ${peersDefault})
  --target NAME          lab (this cluster, started here), mosquitto, nats or rabbitmq
  --brokers H:P,...      one cluster's brokers that run already; no faults
  --set key=value        a setting of every member of the lab, as in "lab --set"
  --history FILE         keep the history there (.gz: compressed); with several scenarios their names are put in
  --keep                 keep histories, data and logs in .torture even when all is well
  --recheck FILE         judge a history again
  --json                 the verdict as one JSON object
  --list                 the scenarios
`;

export interface Arguments {
  readonly command: 'run' | 'recheck' | 'list' | 'help';
  readonly scenarios: readonly Scenario[];
  /** The commit of `--from`; null without `rolling-update`. */
  readonly from: string | null;
  readonly seed: number;
  readonly forMs: number;
  /** Null: by time. */
  readonly messages: number | null;
  readonly rate: number;
  readonly members: number;
  readonly target: TargetName | 'brokers';
  readonly brokers: readonly ServerAddress[];
  readonly overrides: readonly (readonly [string, string])[];
  readonly history: string | null;
  readonly keep: boolean;
  readonly recheck: string;
  readonly json: boolean;
}

const options = {
  scenario: { type: 'string' },
  from: { type: 'string' },
  seed: { type: 'string' },
  for: { type: 'string' },
  messages: { type: 'string' },
  rate: { type: 'string' },
  members: { type: 'string' },
  target: { type: 'string' },
  brokers: { type: 'string' },
  set: { type: 'string', multiple: true },
  history: { type: 'string' },
  keep: { type: 'boolean' },
  recheck: { type: 'string' },
  json: { type: 'boolean' },
  list: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError naming the first thing that is wrong, and what would be right */
export function readArguments(argv: readonly string[]): Arguments {
  const values = parse(argv);
  const target = readTarget(values.target, values.brokers);
  if (values.for !== undefined && values.messages !== undefined) {
    throw new UsageError('--for and --messages both say when to end: give one of them');
  }
  const overrides = (values.set ?? []).map(parseOverride);
  if (overrides.length > 0 && target !== 'lab') throw new UsageError('--set is for --target lab only');
  const chosen = readScenarios(values.scenario ?? 'mixed');
  return {
    command: values.help ? 'help' : values.list ? 'list' : values.recheck !== undefined ? 'recheck' : 'run',
    scenarios: chosen,
    from: readCommit(values.from, chosen, target),
    seed: wholeNumber('--seed', values.seed, 1, 0, seedMax),
    forMs: readDuration(values.for),
    messages:
      values.messages === undefined ? null : wholeNumber('--messages', values.messages, 1, 1, messagesMax),
    rate: wholeNumber('--rate', values.rate, rateDefault, 1, rateMax),
    members: wholeNumber(
      '--members',
      values.members,
      target === 'lab' ? membersDefault : peersDefault,
      1,
      membersMax,
    ),
    target,
    brokers: values.brokers === undefined ? [] : values.brokers.split(',').map(readBroker),
    overrides,
    history: values.history ?? null,
    keep: values.keep ?? false,
    recheck: values.recheck ?? '',
    json: values.json ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    throw new UsageError(messageOf(error).split('. ')[0] ?? 'wrong arguments', { cause: error });
  }
}

function readTarget(target: string | undefined, brokers: string | undefined): TargetName | 'brokers' {
  if (brokers !== undefined) {
    if (target !== undefined) throw new UsageError('--brokers and --target exclude each other');
    return 'brokers';
  }
  const found = targetNames.find((name) => name === (target ?? 'lab'));
  if (found === undefined) throw new UsageError(`--target is ${targetNames.join(', ')}, not "${target}"`);
  return found;
}

function readScenarios(text: string): Scenario[] {
  if (text === 'all') return [...scenarios];
  return text.split(',').map((name) => {
    const found = findScenario(name.trim());
    if (found === undefined) throw new UsageError(`no scenario "${name}"; --list tells them all`);
    return found;
  });
}

function readCommit(
  commit: string | undefined,
  chosen: readonly Scenario[],
  target: TargetName | 'brokers',
): string | null {
  const updates = chosen.includes(rollingUpdate);
  if (updates && commit === undefined) {
    throw new UsageError(
      'rolling-update needs --from COMMIT: the commit whose build half of the members start with',
    );
  }
  if (commit === undefined) return null;
  if (!updates || chosen.length > 1) throw new UsageError('--from is for --scenario rolling-update alone');
  if (target !== 'lab') throw new UsageError('--from is for --target lab only');
  return commit;
}

function readBroker(text: string): ServerAddress {
  const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text.trim()) ?? [];
  if (host === '' || Number(port) < 1 || Number(port) > 65_535) {
    throw new UsageError(`--brokers: "${text}" is not host:port`);
  }
  return { id: text.trim(), host, port: Number(port) };
}

function readDuration(text: string | undefined): number {
  if (text === undefined) return forMsDefault;
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const ms = Number(number) * ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 1_000);
  if (!(ms >= forMsMin && ms <= forMsMax)) {
    throw new UsageError(`--for "${text}" is no time from 1s to 168h (examples: 30s, 5m, 1h)`);
  }
  return ms;
}
