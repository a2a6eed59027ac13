import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arguments } from '../arguments.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { summarizePlan, parseFaults } from '../fault-plan.ts';
import type { Fault } from '../fault-plan.ts';
import { LabLoad } from '../load/lab-load.ts';
import type { LoadVerdict } from '../load/lab-load.ts';
import { renderVerdict } from '../view/render-verdict.ts';
import { startLab } from './running-lab.ts';

/**
 * `lab run`: runs a load with faults on a new cluster and prints the verdict. The exit status is 0 only if every promise
 * was kept.
 */
export async function run(given: Arguments): Promise<void> {
  const faults = parseFaults(given.faults, given.members);
  const folder = given.folderGiven ? given.folder : mkdtempSync(join(tmpdir(), 'mqtt-cluster-lab-'));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(130));
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say(`seed ${given.seed}; ${given.members} members in ${folder}`);
  const settings = { publisherRate: 0, logLevel: 'info', shiftPorts: true };
  const runningLab = await startLab({ ...given, folder, keep: false }, settings, () => process.exit(1));
  let verdict: LoadVerdict;
  try {
    verdict = await runLoad(runningLab.cluster, { ...given, folder }, faults, say);
  } finally {
    await runningLab.end(true);
  }
  if (verdict.ok && !given.folderGiven) rmSync(folder, { recursive: true, force: true });
  else say(`the history, logs and data are in ${folder}`);
  const text = given.json ? JSON.stringify(verdict) : renderVerdict(verdict).join('\n');
  await new Promise((resolve) => process.stdout.write(`${text}\n`, resolve));
  // Half-closed connections of clients may keep the event loop alive, so the process must exit explicitly.
  process.exit(verdict.ok ? 0 : 1);
}

async function runLoad(
  cluster: Cluster,
  { members, rate, seed, forMs, folder, gapsJudged }: Arguments,
  faults: readonly Fault[],
  say: (text: string) => void,
): Promise<LoadVerdict> {
  const historyFile = join(folder, 'history.jsonl');
  const load = await LabLoad.open({ cluster, historyFile, rate, seed, gapsJudged });
  try {
    await load.start();
    const measured = new Set(summarizePlan(faults, members).minorityKills);
    const inject = async (fault: Fault): Promise<void> => {
      const groups = fault.groups.map((group) => group.map((number) => `m${number}`));
      const names = groups.map((group) => group.join(' ')).join(' / ');
      say(`${(fault.atMs / 1_000).toFixed(1)} s: ${fault.action} ${names}`.trimEnd());
      if (measured.has(fault)) load.watchGaps(groups.flat());
      await load.inject(fault);
    };
    const pending: Promise<void>[] = [];
    const timers = faults.map((fault) => setTimeout(() => pending.push(inject(fault)), fault.atMs));
    await new Promise((resolve) => setTimeout(resolve, forMs));
    timers.forEach((timer) => clearTimeout(timer));
    await load.gapsEnded();
    await Promise.all(pending);
    say('ending all faults, starting all members, and waiting for outstanding messages');
    const verdict = await load.finish();
    if (!verdict.ok)
      writeFileSync(join(folder, 'members.json'), JSON.stringify(await cluster.report(), null, 2));
    return verdict;
  } finally {
    await load.close();
  }
}
