import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '@mqtt-cluster/kit';
import type { BenchArguments } from '../arguments.ts';
import { runGenerator } from '../generator/child.ts';
import type { Endpoint, LoadPlan, Percentiles } from '../generator/load.ts';
import type { Processes } from '../processes.ts';
import { mosquitto } from '../targets/mosquitto.ts';
import { waitUntilReady } from '../targets/network.ts';
import { startMembers } from '../targets/ours.ts';
import type { RunningTarget } from '../targets/target.ts';
import { summarizeProfile } from './cpu-profile.ts';
import type { ProfileSummary } from './cpu-profile.ts';
import { readWork, workForEach } from './member-work.ts';
import type { WorkTotals } from './member-work.ts';

/** Load before the measurement, after which Node has compiled the hot code. */
const warmUp = { seconds: 6, rate: 500 };
const payloadBytes = 64;
const window = 100;
const undeliveredMax = 500;

export interface MemberWork extends WorkTotals {
  readonly name: string;
  readonly leads: boolean;
  /** A publisher or a subscriber is connected to this member. */
  readonly isHome: boolean;
  /** Null without the option `--profile`. */
  readonly profile: ProfileSummary | null;
}

export interface LowRateMeasurement {
  /** `ours`, with the number of members, or `mosquitto`. */
  readonly target: string;
  readonly run: number;
  readonly deliveredPerSecond: number;
  /** Time from PUBLISH to PUBACK, ms. */
  readonly acknowledged: Percentiles;
  /** Time from PUBLISH to the arrival at the subscriber, ms. */
  readonly endToEnd: Percentiles;
  readonly lost: number;
  /** Work of each process for one message. */
  readonly members: readonly MemberWork[];
  /** Processor time for one message, mean of all members, ms. */
  readonly processorMs: number;
}

export interface LowRateResult {
  readonly rate: number;
  readonly seconds: number;
  readonly measurements: readonly LowRateMeasurement[];
  readonly skipped: readonly string[];
  readonly failures: readonly string[];
}

interface Started {
  readonly running: RunningTarget;
  readonly http: readonly (Endpoint | null)[];
}

/** A target that `low-rate` can start in a given directory. */
interface Subject {
  readonly name: string;
  readonly members: number;
  start(directory: string): Promise<Started>;
}

/**
 * Measures what a QoS 1 message costs at a low rate: latency, processor time and work of each member. All clients have
 * persistent sessions. Publisher and subscriber of a pair are connected to different members.
 */
export async function measureLowRate(
  processes: Processes,
  given: BenchArguments,
  log: (text: string) => void,
): Promise<LowRateResult> {
  const measurements: LowRateMeasurement[] = [];
  const failures: string[] = [];
  const skipped: string[] = [];
  const subjects = given.sizes.map((size) => ours(processes, given, size));
  const reason = mosquitto.unavailable();
  if (reason === null) subjects.push(otherBroker(processes));
  else skipped.push(`mosquitto: ${reason}`);
  for (let run = 1; run <= given.runs; run++) {
    for (const subject of subjects) {
      try {
        const measured = await measure(processes, given, subject, run);
        measurements.push(measured);
        log(`${subject.name}, run ${run}: p50 ${measured.endToEnd.p50?.toFixed(2)} ms`);
      } catch (error) {
        failures.push(`${subject.name}, run ${run}: ${describeError(error)}`);
        log(`FAILED ${failures.at(-1)}`);
      }
    }
  }
  return { rate: given.rate, seconds: given.seconds, measurements, skipped, failures };
}

function ours(processes: Processes, { profile }: BenchArguments, size: number): Subject {
  return {
    name: `ours${size}`,
    members: size,
    async start(directory) {
      const flagsOf = (id: string): string[] =>
        profile === null
          ? []
          : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${fileOf(size, id)}`];
      if (profile !== null) mkdirSync(profile, { recursive: true });
      const running = await startMembers(processes, directory, size, { flagsOf });
      return { running, http: running.http };
    },
  };
}

function otherBroker(processes: Processes): Subject {
  return {
    name: 'mosquitto',
    members: 1,
    start: async (directory) => ({
      running: await mosquitto.start(processes, directory, { clean: false }),
      http: [null],
    }),
  };
}

function fileOf(size: number, id: string): string {
  return `${size}-${id}.cpuprofile`;
}

async function measure(
  processes: Processes,
  given: BenchArguments,
  subject: Subject,
  run: number,
): Promise<LowRateMeasurement> {
  const directory = processes.directory();
  const { running, http } = await subject.start(directory);
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (!isStopped) await processes.stop(running.processes);
    isStopped = true;
  };
  try {
    await waitUntilReady(running);
    const pairs = given.publishers === 0 ? subject.members : given.publishers;
    const plan = planOf(running, pairs, `${subject.name}-${run}`);
    await runGenerator(processes, { ...plan, ...warmUp, warmUpSeconds: 0, label: `${plan.label}-warm` });
    const pids = running.processes.map(({ program }) => program.pid ?? 0);
    const read = () => Promise.all(pids.map((pid, position) => readWork(pid, http[position]!)));
    const before = await read();
    const fromUs = nowUs();
    const result = await runGenerator(processes, { ...plan, rate: given.rate, seconds: given.seconds });
    const toUs = nowUs();
    const after = await read();
    // Node writes the profile when the process exits.
    if (given.profile !== null) await stop();
    const homes = homesOf(running, pairs);
    const members = running.processes.map(({ name }, position): MemberWork => {
      const work = workForEach(before[position]!, after[position]!, result.published);
      const { leads } = after[position]!;
      const isHome = homes.has(position);
      const profile =
        given.profile === null || http[position] === null
          ? null
          : summarizeProfile(join(given.profile, fileOf(subject.members, name)), fromUs, toUs);
      return { name, leads, isHome, ...work, profile };
    });
    const processorMs = members.reduce((sum, member) => sum + member.processorMs, 0) / members.length;
    const { deliveredPerSecond, acknowledged, endToEnd, lost } = result;
    return {
      target: subject.name,
      run,
      deliveredPerSecond,
      acknowledged,
      endToEnd,
      lost,
      members,
      processorMs,
    };
  } finally {
    await stop();
    processes.removeDirectory(directory);
  }
}

function planOf(running: RunningTarget, pairs: number, label: string): LoadPlan {
  const load = { publishers: pairs, subscribers: pairs, payloadBytes, window, undeliveredMax };
  const length = { warmUpSeconds: 1, seconds: 1, rate: 1 };
  return { endpoints: running.endpoints, qos: 1, clean: false, ...load, ...length, label };
}

/**
 * Returns the positions of the endpoints with clients. The generator connects publisher i to endpoint i, and its subscriber to
 * the next one.
 */
function homesOf({ endpoints }: RunningTarget, pairs: number): ReadonlySet<number> {
  const count = endpoints.length;
  return new Set(Array.from({ length: pairs }, (_, pair) => [pair % count, (pair + 1) % count]).flat());
}

/** Returns the time of the clock that the profiler of Node uses, in microseconds. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
