import { cpuSeconds, residentBytes } from '@mqtt-cluster/kit';
import type { BenchArguments } from './arguments.ts';
import type { Processes } from './processes.ts';
import { waitUntilReady } from './targets/network.ts';
import { startMembers } from './targets/ours.ts';

/**
 * Time from the start of the members until the measurement. After this time Node has compiled the hot code and collected
 * garbage.
 */
const settleMs = 30_000;
const residentMebibytesMax = 100;
const coreShareMax = 0.05;

export interface IdleResult {
  readonly members: readonly { readonly name: string; readonly core: number; readonly mebibytes: number }[];
  /** Processor time of all members together, as a share of one core. */
  readonly coreShare: number;
  readonly mebibytesMost: number;
  readonly seconds: number;
}

/** Measures the processor time and memory of a cluster without clients and without a publisher. */
export async function measureIdle(processes: Processes, given: BenchArguments): Promise<IdleResult> {
  const directory = processes.directory();
  const running = await startMembers(processes, directory, given.members);
  try {
    await waitUntilReady(running);
    await pass(settleMs);
    const pids = running.processes.map(({ name, program }) => ({ name, pid: program.pid ?? 0 }));
    const before = pids.map(({ pid }) => cpuSeconds(pid) ?? 0);
    const startedMs = performance.now();
    await pass(given.seconds * 1_000);
    const seconds = (performance.now() - startedMs) / 1_000;
    if (running.processes.some(({ program }) => program.hasEnded)) throw new Error('a member has ended');
    const members = pids.map(({ name, pid }, position) => ({
      name,
      core: ((cpuSeconds(pid) ?? 0) - before[position]!) / seconds,
      mebibytes: (residentBytes(pid) ?? 0) / 2 ** 20,
    }));
    const coreShare = members.reduce((sum, { core }) => sum + core, 0);
    return {
      members,
      coreShare,
      mebibytesMost: Math.max(...members.map(({ mebibytes }) => mebibytes)),
      seconds,
    };
  } finally {
    await processes.stop(running.processes);
    processes.removeDirectory(directory);
  }
}

export function renderIdle({ members, coreShare, mebibytesMost, seconds }: IdleResult): string {
  const lines = members.map(
    ({ name, core, mebibytes }) =>
      `${name}: ${(core * 100).toFixed(2)} % of a core, ${mebibytes.toFixed(1)} MiB resident`,
  );
  lines.push(
    `all ${members.length} for ${Math.round(seconds)} s: ${(coreShare * 100).toFixed(2)} % of a core` +
      ` (${verdict(coreShare < coreShareMax)}: under ${coreShareMax * 100} %),` +
      ` the largest ${mebibytesMost.toFixed(1)} MiB (${verdict(mebibytesMost < residentMebibytesMax)}:` +
      ` under ${residentMebibytesMax} MiB)`,
  );
  return `${lines.join('\n')}\n`;
}

function verdict(holds: boolean): string {
  return holds ? 'met' : 'MISSED';
}

function pass(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
