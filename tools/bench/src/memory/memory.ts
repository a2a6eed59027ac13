import { mkdirSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describeError, residentBytes } from '@mqtt-cluster/kit';
import type { BenchArguments } from '../arguments.ts';
import type { Attack } from '../hostile/attacks/attack.ts';
import { AttackerProcesses } from '../hostile/attacker/attacker-process.ts';
import type { Gain } from '../hostile/attacker/protocol.ts';
import type { Processes, StartedProcess } from '../processes.ts';
import { readMetrics, sumOf } from '../targets/metrics-page.ts';
import { waitUntilReady } from '../targets/network.ts';
import { startMembers } from '../targets/ours.ts';
import { floods } from './floods.ts';
import { Keeper } from './keeper.ts';
import type { KeptMessages } from './keeper.ts';
import { MemoryGroup } from './memory-group.ts';
import { refusalsOf } from './refusals.ts';
import { unitMemory } from './unit-memory.ts';
import type { UnitMemory } from './unit-memory.ts';

const mebibyte = 1024 * 1024;
const sampleMs = 250;
const collectMsMax = 90_000;
/** Sockets that one process of a flood may open. */
const socketsMax = 5_000;
const pressures = ['refuse_clients', 'drop_qos0', 'refuse_publishes'] as const;

/** The memory of one member, bytes. */
export interface MemberPeak {
  readonly id: string;
  /** Largest memory of the control group, with the cache of files. */
  readonly group: number;
  /** Largest memory of the processes as the kernel charges it to the group. */
  readonly processes: number;
  /** Largest resident memory of the process. */
  readonly resident: number;
  /** Largest cache of files. */
  readonly cache: number;
  /** Largest buffers of sockets, which version 1 counts apart. */
  readonly sockets: number;
  /** Processes that the kernel killed because of the limit. */
  readonly kills: number;
  /** How the process ended by itself; null: it did not. */
  readonly ended: string | null;
}

export interface FloodResult {
  readonly name: string;
  readonly title: string;
  readonly gain: Gain;
  readonly during: readonly MemberPeak[];
  readonly restart: readonly MemberPeak[];
  /** Pressures of the memory that the first member reported at some time. */
  readonly pressures: readonly string[];
  /** Refused work in the metrics of the first member, by metric and reason. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly kept: KeptMessages;
  /** Why the members did not serve the absent session after the restart; null: they did. */
  readonly restartError: string | null;
}

export interface MemoryResult {
  readonly members: number;
  readonly unit: UnitMemory;
  readonly guarded: boolean;
  readonly forMs: number;
  readonly results: readonly FloodResult[];
  readonly failures: readonly string[];
  readonly seconds: number;
}

/** Floods members whose control groups limit their memory: one kind after the other, each with members of its own. */
export async function measureMemory(
  processes: Processes,
  given: BenchArguments,
  log: (text: string) => void,
): Promise<MemoryResult> {
  const startedMs = performance.now();
  const role = join(dirname(process.argv[1]!), '..', 'ansible', 'roles', 'broker_publisher');
  const unit = unitMemory(given.mebibytes * mebibyte, role);
  const results: FloodResult[] = [];
  const failures: string[] = [];
  const chosen = floods.filter(({ name }) => given.only === null || given.only.includes(name));
  for (const [index, flood] of chosen.entries()) {
    log(`${index + 1}/${chosen.length} ${flood.name}: ${flood.title}`);
    try {
      const result = await measureFlood(processes, flood, unit, given);
      results.push(result);
      const [first] = result.during;
      log(
        `  resident ${Math.round((first?.resident ?? 0) / mebibyte)} MiB; ${JSON.stringify(result.refusals)}`,
      );
    } catch (error) {
      failures.push(`${flood.name}: ${describeError(error)}`);
      log(`  FAILED ${describeError(error)}`);
    }
  }
  return {
    members: given.members,
    unit,
    guarded: !given.unguarded,
    forMs: given.forMs,
    results,
    failures,
    seconds: (performance.now() - startedMs) / 1_000,
  };
}

async function measureFlood(
  processes: Processes,
  flood: Attack,
  unit: UnitMemory,
  { members, forMs, unguarded }: BenchArguments,
): Promise<FloodResult> {
  const directory = processes.directory();
  const groups = new Map<string, MemoryGroup>();
  let running: Awaited<ReturnType<typeof startMembers>> | null = null;
  let current: readonly StartedProcess[] = [];
  let attackers: AttackerProcesses | null = null;
  let keeper: Keeper | null = null;
  let watch: MemoryWatch | null = null;
  try {
    for (let number = 1; number <= members; number++)
      groups.set(
        `m${number}`,
        new MemoryGroup(`mqtt-cluster-bench-${process.pid}-m${number}`, unit.limitBytes),
      );
    mkdirSync(directory, { recursive: true });
    running = await startMembers(processes, directory, members, {
      flagsOf: () => unit.nodeFlags,
      environment: { MQTT_CLUSTER_LIMITS_MEMORY_BYTES_MAX: String(unguarded ? totalmem() : unit.limitBytes) },
      wrap: (id, command, args) => groups.get(id)!.wrap(command, args),
    });
    current = running.processes;
    await waitUntilReady(running);
    for (const { name, program } of current)
      if (!groups.get(name)!.processes.includes(program.pid ?? 0))
        throw new Error(`${name} does not run in its control group`);
    const [endpoint] = running.endpoints;
    const [http] = running.http;
    keeper = new Keeper(endpoint!);
    await keeper.start();
    watch = new MemoryWatch(groups, current);
    const before = refusalsOf((await readMetrics(http!)).toString());
    let page = '';
    const seen = new Set<string>();
    const place = { host: endpoint!.host, mqttPort: endpoint!.port };
    attackers = new AttackerProcesses(processes, {
      ...{ ...place, attack: flood.name, httpPort: http!.port, tlsPort: endpoint!.port, clusterPort: 0 },
      ...{ spare: place, other: place, cluster: 'bench', part: 0, parts: flood.parts ?? 1, socketsMax },
    });
    const untilMs = performance.now() + forMs;
    while (performance.now() < untilMs) {
      await delay(sampleMs);
      watch.sample();
      page = (await readMetrics(http!).catch(() => page)).toString();
      for (const effect of pressures)
        if (sumOf(page, 'mqtt_cluster_memory_pressure', `"${effect}"`) > 0) seen.add(effect);
    }
    const { gain } = attackers;
    await attackers.stop();
    keeper.stop();
    const during = watch.peaks;

    await processes.stop(current);
    for (const group of groups.values()) group.resetPeak();
    current = running.startAgain();
    const after = (watch = new MemoryWatch(groups, current));
    const sampling = setInterval(() => after.sample(), sampleMs);
    let restartError: string | null = null;
    const kept = await keeper.collect(collectMsMax).catch((error: unknown) => {
      restartError = describeError(error);
      return null;
    });
    clearInterval(sampling);
    return {
      ...{ name: flood.name, title: flood.title, gain, during, restart: after.peaks },
      ...{ pressures: [...seen], refusals: newIn(refusalsOf(page), before), restartError },
      kept: kept ?? keeper.unseen,
    };
  } finally {
    keeper?.stop();
    await attackers?.stop();
    await processes.stop(current);
    processes.removeDirectory(directory);
    for (const group of groups.values()) group.remove();
  }
}

/** Returns what was counted since the counts `before`; without what did not change. */
function newIn(
  counts: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const grown = Object.entries(counts).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(grown.filter(([, count]) => count > 0));
}

/** Watches the memory of members and of their groups. */
class MemoryWatch {
  readonly #groups: ReadonlyMap<string, MemoryGroup>;
  readonly #started: readonly StartedProcess[];
  readonly #killsBefore = new Map<string, number>();
  readonly #highest = new Map<string, Record<'processes' | 'resident' | 'cache' | 'sockets', number>>();
  readonly #ended = new Map<string, string>();

  constructor(groups: ReadonlyMap<string, MemoryGroup>, started: readonly StartedProcess[]) {
    this.#groups = groups;
    this.#started = started;
    for (const [id, group] of groups) {
      this.#killsBefore.set(id, group.kills);
      this.#highest.set(id, { processes: 0, resident: 0, cache: 0, sockets: 0 });
    }
    for (const { name, program } of started) void program.ended.then((how) => this.#ended.set(name, how));
  }

  sample(): void {
    for (const { name, program } of this.#started) {
      const highest = this.#highest.get(name)!;
      const now = { ...this.#groups.get(name)!.memory, resident: residentBytes(program.pid ?? 0) ?? 0 };
      for (const kind of ['processes', 'resident', 'cache', 'sockets'] as const)
        highest[kind] = Math.max(highest[kind], now[kind]);
    }
  }

  get peaks(): readonly MemberPeak[] {
    return [...this.#groups].map(([id, group]) => ({
      ...{ id, group: group.peakBytes, ...this.#highest.get(id)! },
      kills: group.kills - this.#killsBefore.get(id)!,
      ended: this.#ended.get(id) ?? null,
    }));
  }
}
