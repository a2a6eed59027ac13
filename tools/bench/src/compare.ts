import { UsageError } from '@mqtt-cluster/lab';
import type { BenchArguments } from './arguments.ts';
import { runGenerator } from './generator/child.ts';
import type { LoadPlan, LoadResult } from './generator/load.ts';
import { cpuSeconds, residentBytes } from './proc.ts';
import type { Processes } from './processes.ts';
import { mosquitto } from './targets/mosquitto.ts';
import { natsThree, natsThreeSynced } from './targets/nats.ts';
import { waitUntilReady } from './targets/network.ts';
import { oneMember, threeMembers } from './targets/ours.ts';
import type { RunningTarget, Target } from './targets/target.ts';

const known: readonly Target[] = [oneMember, mosquitto, threeMembers, natsThree, natsThreeSynced];
const warmUpSeconds = 2;
/** Below the thousand messages that a session of ours may queue by default. */
const undeliveredMax = 500;

export interface Measurement extends LoadResult {
  readonly target: string;
  readonly qos: number;
  readonly sessions: 'clean' | 'persistent';
  readonly run: number;
  /** Processor seconds of all its processes for a million deliveries. */
  readonly cpuSecondsPerMillion: number;
  readonly residentBytes: number;
}

export interface Comparison {
  readonly targets: readonly Target[];
  readonly skipped: readonly string[];
  readonly failures: readonly string[];
  readonly measurements: readonly Measurement[];
  /** As many messages as go, rather than a given rate. */
  readonly saturated: boolean;
}

export async function compare(
  processes: Processes,
  given: BenchArguments,
  tell: (text: string) => void,
): Promise<Comparison> {
  const skipped: string[] = [];
  const failures: string[] = [];
  const measurements: Measurement[] = [];
  const targets = given.targets.map(targetNamed).filter((target) => {
    const reason = target.unavailable();
    if (reason !== null) skipped.push(`${target.name}: ${reason}`);
    return reason === null;
  });
  for (const reason of skipped) tell(`skipped ${reason}`);
  // One after the other and over again: what else the machine does meets all of them alike.
  for (let run = 1; run <= given.runs; run++) {
    for (const target of targets) {
      try {
        measurements.push(...(await measureTarget(processes, given, target, run, tell)));
      } catch (error) {
        const text = `${target.name}, run ${run}: ${error instanceof Error ? error.message : String(error)}`;
        failures.push(text);
        tell(`FAILED ${text}`);
      }
    }
  }
  return { targets, skipped, failures, measurements, saturated: given.rate === 0 };
}

function targetNamed(name: string): Target {
  const target = known.find((each) => each.name === name);
  if (target) return target;
  throw new UsageError(`no target "${name}"; there are ${known.map((each) => each.name).join(', ')}`);
}

async function measureTarget(
  processes: Processes,
  given: BenchArguments,
  target: Target,
  run: number,
  tell: (text: string) => void,
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
      tell(
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
  const pids = running.processes.flatMap(({ child }) => child.pid ?? []);
  const used = (): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const before = used();
  const result = await runGenerator(processes, plan);
  const cpuSecondsPerMillion = ((used() - before) / Math.max(1, result.delivered)) * 1e6;
  const resident = pids.reduce((most, pid) => Math.max(most, residentBytes(pid)), 0);
  return { ...result, cpuSecondsPerMillion, residentBytes: resident };
}
