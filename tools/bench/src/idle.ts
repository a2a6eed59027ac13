import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, residentBytes } from '@mqtt-cluster/kit';
import type { BenchArguments } from './arguments.ts';
import { ConsolePage } from './console-page.ts';
import type { Processes, StartedProcess } from './processes.ts';
import { waitUntilReady } from './targets/network.ts';
import { startMembers } from './targets/ours.ts';

/** Time from the first request of the console until the measurement: the member loads its HTTP API for this request. */
const consoleSettleMs = 10_000;
const residentMegabytesMax = 110;
const coreShareMax = 0.05;
/** Further processor time of all members while the console is open at one member, as a share of one core. */
const consoleShareMax = 0.02;
const bytesPerMegabyte = 1_000_000;

interface Usage {
  readonly members: readonly { readonly name: string; readonly core: number; readonly megabytes: number }[];
  /** Processor time of all members together, as a share of one core. */
  readonly coreShare: number;
  readonly seconds: number;
}

export interface IdleResult {
  /** Without any request. */
  readonly closed: Usage;
  /** With one page of the console open at the first member. */
  readonly open: Usage;
  /** Answers to the page. */
  readonly answers: number;
}

/**
 * Measures the processor time and memory of a cluster without clients and without a publisher: first with the console
 * closed, then with one page of it open at one member.
 */
export async function measureIdle(
  processes: Processes,
  given: BenchArguments,
  log: (text: string) => void,
): Promise<IdleResult> {
  const directory = processes.directory();
  const running = await startMembers(processes, directory, given.members);
  let page: ConsolePage | null = null;
  try {
    await waitUntilReady(running);
    log(`waiting for ${given.afterMs / 1_000} s`);
    await delay(given.afterMs);
    log(`measuring for ${given.seconds} s with the console closed`);
    const closed = await usageOf(running.processes, given.seconds);
    page = new ConsolePage(running.http[0]!);
    await delay(consoleSettleMs);
    log(`measuring for ${given.seconds} s with a page of the console open`);
    const open = await usageOf(running.processes, given.seconds);
    return { closed, open, answers: page.answers() };
  } finally {
    page?.close();
    await processes.stop(running.processes);
    processes.removeDirectory(directory);
  }
}

async function usageOf(members: readonly StartedProcess[], forSeconds: number): Promise<Usage> {
  const pids = members.map(({ name, program }) => ({ name, pid: program.pid ?? 0 }));
  const before = pids.map(({ pid }) => cpuSeconds(pid) ?? 0);
  const startedMs = performance.now();
  await delay(forSeconds * 1_000);
  const seconds = (performance.now() - startedMs) / 1_000;
  if (members.some(({ program }) => program.hasEnded)) throw new Error('a member has ended');
  const used = pids.map(({ name, pid }, position) => ({
    name,
    core: ((cpuSeconds(pid) ?? 0) - before[position]!) / seconds,
    megabytes: (residentBytes(pid) ?? 0) / bytesPerMegabyte,
  }));
  return { members: used, coreShare: used.reduce((sum, { core }) => sum + core, 0), seconds };
}

export function renderIdle({ closed, open, answers }: IdleResult): string {
  const lines = closed.members.map(({ name, core, megabytes }, position) => {
    const later = open.members[position]!;
    return (
      `${name}: ${percent(core)} of a core, ${megabytes.toFixed(1)} MB resident; ` +
      `with the console ${percent(later.core)}, ${later.megabytes.toFixed(1)} MB`
    );
  });
  const most = Math.max(...closed.members.map(({ megabytes }) => megabytes));
  const more = open.coreShare - closed.coreShare;
  return `${[
    ...lines,
    `all ${closed.members.length} for ${Math.round(closed.seconds)} s: ${percent(closed.coreShare)} of a core` +
      ` (${verdict(closed.coreShare < coreShareMax)}: under ${coreShareMax * 100} %),` +
      ` the largest ${most.toFixed(1)} MB (${verdict(most < residentMegabytesMax)}: under ${residentMegabytesMax} MB)`,
    `with a page of the console open at ${open.members[0]!.name} (${answers} answers): ${percent(open.coreShare)},` +
      ` ${percent(more)} more (${verdict(more < consoleShareMax)}: under ${consoleShareMax * 100} %)`,
  ].join('\n')}\n`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function verdict(holds: boolean): string {
  return holds ? 'met' : 'MISSED';
}
