import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { runTool } from '@mqtt-cluster/kit';
import { MemberWatch, startCluster } from '@mqtt-cluster/lab';
import type { RunningCluster } from '@mqtt-cluster/lab';
import { Witness } from '@mqtt-cluster/workload';
import { readArguments } from './arguments.ts';
import type { FuzzArguments } from './arguments.ts';
import { attackedListeners, chooseAttackPorts } from './online/attacked-listeners.ts';
import type { AttackPorts } from './online/attacked-listeners.ts';
import { Campaign } from './run/campaign.ts';
import type { CampaignReport } from './run/campaign.ts';
import { growthFault } from './run/memory-growth.ts';
import { liveBytes } from './run/live-memory.ts';
import { faultsOf, renderReport } from './run/report.ts';
import type { OnlineReport } from './run/report.ts';
import { offlineTargets, onlineNames, onlineTargets } from './targets.ts';
import type { Target } from './target.ts';

/** Folder of the repository. The bundle of this file is in its folder `dist`. */
const root = fileURLToPath(new URL('..', import.meta.url));
const members = 3;
const progressIntervalMs = 10_000;
const sampleIntervalMs = 500;
/** Part of the run that attacks the parsers, if a cluster is attacked as well. */
const offlineShare = 0.25;
/** Part of the attack after which the members count as warm. */
const warmShare = 0.5;
/** Time between the last attack and the last measurement: timers run and the garbage collector works. */
const settleMs = 5_000;

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function main(given: FuzzArguments): Promise<boolean> {
  log(`seed ${given.seed}`);
  const wanted = new Set<string>(given.only);
  const isOnline = onlineNames.some((name) => wanted.has(name));
  const folder = resolve(given.folder);
  mkdirSync(folder, { recursive: true });
  const ports = await chooseAttackPorts();
  const running = isOnline ? await start(folder, ports) : null;
  try {
    const startedAtMs = performance.now();
    const offline = offlineTargets(root).filter(({ name }) => wanted.has(name));
    const attacked = running === null ? [] : onlineTargets(root, running.cluster.layout.members[0]!, ports);
    const online = attacked.filter(({ name }) => wanted.has(name));
    // A parser in a loop leaves no processor time for the witness, so the two parts follow each other.
    const share = running === null ? 1 : offlineShare;
    const parsed = await run(given, offline, startedAtMs + given.forMs * share, null);
    const seen = await run(given, online, startedAtMs + given.forMs, running);
    const report: CampaignReport = {
      cases: new Map([...parsed.report.cases, ...seen.report.cases]),
      faults: [...parsed.report.faults, ...seen.report.faults],
    };
    for (const { target, number, error } of report.faults)
      if (error.input !== null)
        writeFileSync(join(folder, `${target}-${given.seed}-${number}.bin`), error.input);
    process.stdout.write(`${renderReport(report, seen.online)}\n`);
    return faultsOf(report, seen.online).length === 0;
  } finally {
    await running?.end(true);
  }
}

function start(folder: string, ports: AttackPorts): Promise<RunningCluster> {
  return startCluster({
    folder: join(folder, 'cluster'),
    members,
    firstPortShift: 6,
    logLevel: 'warn',
    overrides: [['mqtt.listeners', attackedListeners(ports, folder)]],
  });
}

interface Result {
  readonly report: CampaignReport;
  readonly online: OnlineReport | null;
}

/** Runs one part of the targets, with the witness if a cluster is given. */
async function run(
  given: FuzzArguments,
  targets: readonly Target[],
  untilMs: number,
  running: RunningCluster | null,
): Promise<Result> {
  const { seed, case: number } = given;
  const campaign = new Campaign({
    targets,
    seed,
    untilMs,
    ...(number !== null && { firstCase: number, cases: 1 }),
  });
  const stop = (): void => {
    log('stopping');
    campaign.stop();
  };
  process.once('SIGINT', stop);
  const progress = setInterval(() => logProgress(campaign), progressIntervalMs);
  try {
    if (running === null) return { report: await campaign.run(), online: null };
    return await runWithWitness(campaign, untilMs - performance.now(), running);
  } finally {
    clearInterval(progress);
    process.off('SIGINT', stop);
  }
}

async function runWithWitness(
  campaign: Campaign,
  forMs: number,
  { cluster }: RunningCluster,
): Promise<Result> {
  const witness = new Witness();
  await witness.start(cluster.layout.members.map(({ host, mqttPort }) => ({ host, port: mqttPort })));
  const watch = new MemberWatch(cluster);
  const sampling = setInterval(() => watch.sample(), sampleIntervalMs);
  try {
    const attack = campaign.run();
    await Promise.race([attack, delay(forMs * warmShare)]);
    const warm = await liveMemory(cluster);
    const report = await attack;
    const seen = await witness.stop();
    await delay(settleMs);
    const end = await liveMemory(cluster);
    const memory = watch.memory().map(({ id, peakBytes }) => ({
      id,
      peakBytes,
      warmBytes: warm.get(id) ?? 0,
      endBytes: end.get(id) ?? 0,
    }));
    const memberFaults = [...watch.ended(), ...memory.flatMap(growthFault)];
    return { report, online: { witness: seen, memory, memberFaults } };
  } finally {
    clearInterval(sampling);
  }
}

/** Returns the live memory of each member by id, bytes. Members whose process has ended are left out. */
async function liveMemory(cluster: RunningCluster['cluster']): Promise<ReadonlyMap<string, number>> {
  const live = new Map<string, number>();
  for (const [id, pid] of cluster.pidsById()) live.set(id, await liveBytes(pid));
  return live;
}

function logProgress(campaign: Campaign): void {
  log([...campaign.report.cases].map(([name, count]) => `${name} ${count}`).join(', '));
}

await runTool('fuzz', async () => {
  const ok = await main(readArguments(process.argv.slice(2)));
  // Without `exit` the process would wait for sockets of the attack that are still open.
  process.exit(ok ? 0 : 1);
});
