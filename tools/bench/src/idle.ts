import type { BenchArguments } from './arguments.ts';
import { cpuSeconds, residentBytes } from './proc.ts';
import { hasEnded } from './processes.ts';
import type { Processes } from './processes.ts';
import { waitUntilReady } from './targets/network.ts';
import { startMembers } from './targets/ours.ts';

/** What starting costs is over by then: its garbage is collected, and what runs often is compiled. */
const settleMs = 30_000;
const residentMebibytesMax = 100;
const coreShareMax = 0.05;

export interface IdleResult {
  readonly members: readonly { readonly name: string; readonly core: number; readonly mebibytes: number }[];
  /** Of one core, all members together. */
  readonly coreShare: number;
  readonly mebibytesMost: number;
  readonly seconds: number;
}

/** Members without clients and without a publisher: what a host pays for nothing. */
export async function measureIdle(processes: Processes, given: BenchArguments): Promise<IdleResult> {
  const directory = processes.directory();
  const running = await startMembers(processes, directory, given.members);
  try {
    await waitUntilReady(running);
    await pass(settleMs);
    const pids = running.processes.map(({ name, child }) => ({ name, pid: child.pid! }));
    const before = pids.map(({ pid }) => cpuSeconds(pid));
    const startedMs = performance.now();
    await pass(given.seconds * 1_000);
    const seconds = (performance.now() - startedMs) / 1_000;
    if (running.processes.some(({ child }) => hasEnded(child))) throw new Error('a member has ended');
    const members = pids.map(({ name, pid }, position) => ({
      name,
      core: (cpuSeconds(pid) - before[position]!) / seconds,
      mebibytes: residentBytes(pid) / 2 ** 20,
    }));
    const coreShare = members.reduce((sum, { core }) => sum + core, 0);
    return { members, coreShare, mebibytesMost: Math.max(...members.map((each) => each.mebibytes)), seconds };
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
