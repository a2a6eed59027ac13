import { cpuSeconds, describeError, residentBytes, UsageError } from '@mqtt-cluster/kit';
import type { BenchArguments } from './arguments.ts';
import { runGenerator } from './generator/child.ts';
import type { LoadPlan, LoadResult } from './generator/load.ts';
import type { Processes } from './processes.ts';
import { mosquitto } from './targets/mosquitto.ts';
import { natsThree, natsThreeSynced } from './targets/nats.ts';
import { waitUntilReady } from './targets/network.ts';
import { oneMember, oneMemberTls, threeMembers, threeMembersTls } from './targets/ours.ts';
import type { RunningTarget, Target } from './targets/target.ts';

const known: readonly Target[] = [
  oneMember,
  oneMemberTls,
  mosquitto,
  threeMembers,
  threeMembersTls,
  natsThree,
  natsThreeSynced,
];
/** Duration of the load before each measurement. */
const warmUpSeconds = 2;
/**
 * Largest number of undelivered messages of one publisher. It is below this cluster's queue limit of a session, 1,000
 * messages.
 */
const undeliveredMax = 500;

export interface Measurement extends LoadResult {
  readonly target: string;
  readonly qos: number;
  readonly sessions: 'clean' | 'persistent';
  readonly run: number;
  /** Processor seconds of all processes of the target together, for a million deliveries. */
  readonly cpuSecondsPerMillion: number;
  /** Resident memory of the largest process of the target. */
  readonly residentBytes: number;
}

export interface Comparison {
  readonly targets: readonly Target[];
  /** One line for each target that can't be measured on this machine. */
  readonly skipped: readonly string[];
  /** One line for each measurement that failed. */
  readonly failures: readonly string[];
  readonly measurements: readonly Measurement[];
  /** Whether the publishers sent as many messages as possible, without a given rate. */
  readonly saturated: boolean;
}

/** Measures each target `runs` times. */
export async function compare(
  processes: Processes,
  given: BenchArguments,
  log: (text: string) => void,
): Promise<Comparison> {
  const skipped: string[] = [];
  const failures: string[] = [];
  const measurements: Measurement[] = [];
  const targets = given.targets.map(targetNamed).filter((target) => {
    const reason = target.unavailable();
    if (reason !== null) skipped.push(`${target.name}: ${reason}`);
    return reason === null;
  });
  for (const reason of skipped) log(`skipped ${reason}`);
  // The targets take turns, so that other load on the machine affects all of them alike.
  for (let run = 1; run <= given.runs; run++) {
    for (const target of targets) {
      try {
        measurements.push(...(await measureTarget(processes, given, target, run, log)));
      } catch (error) {
        const text = `${target.name}, run ${run}: ${describeError(error)}`;
        failures.push(text);
        log(`FAILED ${text}`);
      }
    }
  }
  return { targets, skipped, failures, measurements, saturated: given.rate === 0 };
}

function targetNamed(name: string): Target {
  const found = known.find((target) => target.name === name);
  if (found) return found;
  throw new UsageError(
    `unknown target "${name}" (targets: ${known.map((target) => target.name).join(', ')})`,
  );
}

async function measureTarget(
  processes: Processes,
  given: BenchArguments,
  target: Target,
  run: number,
  log: (text: string) => void,
): Promise<Measurement[]> {
  const sessions = given.session ?? target.sessions;
  const levels = (given.qos ?? target.qosByDefault).filter((qos) => target.qosLevels.includes(qos));
  const directory = processes.directory();
  const running = await target.start(processes, directory, { clean: sessions === 'clean' });
  try {
    await waitUntilReady(running);
    const measurements: Measurement[] = [];
    for (const qos of levels) {
      const plan = planOf(given, running, qos, sessions, `${target.name}-${run}-q${qos}`);
      const measurement = await measure(processes, running, plan);
      measurements.push({ target: target.name, qos, sessions, run, ...measurement });
      log(
        `${target.name} QoS ${qos}, run ${run}: ${Math.round(measurement.deliveredPerSecond)}/s` +
          ` (generator ${Math.round(measurement.generatorCpu * 100)} % of a core)`,
      );
    }
    return measurements;
  } finally {
    await processes.stop(running.processes);
    processes.removeDirectory(directory);
  }
}

function planOf(
  given: BenchArguments,
  running: RunningTarget,
  qos: 0 | 1 | 2,
  sessions: 'clean' | 'persistent',
  label: string,
): LoadPlan {
  const { publishers, subscribers, size, seconds, rate, window } = given;
  const load = { publishers, subscribers, payloadBytes: size, seconds, rate, window };
  const clean = sessions === 'clean';
  return { endpoints: running.endpoints, qos, clean, ...load, warmUpSeconds, undeliveredMax, label };
}

async function measure(
  processes: Processes,
  running: RunningTarget,
  plan: LoadPlan,
): Promise<Omit<Measurement, 'target' | 'qos' | 'sessions' | 'run'>> {
  const pids = running.processes.flatMap(({ program }) => program.pid ?? []);
  const used = (): number => pids.reduce((sum, pid) => sum + (cpuSeconds(pid) ?? 0), 0);
  const before = used();
  const result = await runGenerator(processes, plan);
  const cpuSecondsPerMillion = ((used() - before) / Math.max(1, result.delivered)) * 1e6;
  const resident = pids.reduce((most, pid) => Math.max(most, residentBytes(pid) ?? 0), 0);
  return { ...result, cpuSecondsPerMillion, residentBytes: resident };
}
