import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from '@mqtt-cluster/kit';
import { readArguments } from './arguments.ts';
import type { FuzzArguments } from './arguments.ts';
import { startAttackedCluster } from './online/attacked-cluster.ts';
import { chooseAttackPorts } from './online/attacked-listeners.ts';
import { Campaign, repetitionOf } from './run/campaign.ts';
import type { CampaignOptions, CampaignReport } from './run/campaign.ts';
import { runOnline } from './run/online-run.ts';
import { isWatchdogThread, ParserWatchdog, watchParsers } from './run/parser-watchdog.ts';
import { renderReport, verdictOf } from './run/report.ts';
import type { OnlineReport, Verdict } from './run/report.ts';
import { stopSignal } from './run/stop-signals.ts';
import { offlineTargets, onlineNames, onlineTargets } from './targets.ts';

const script = fileURLToPath(import.meta.url);
/** Folder of the repository. The bundle of this file is in its folder `dist`. */
const root = fileURLToPath(new URL('..', import.meta.url));
const progressIntervalMs = 10_000;
/** Part of the run that attacks the parsers, if a cluster is attacked as well. */
const offlineShare = 0.25;
const exitStatus: Readonly<Record<Verdict, number>> = { passed: 0, failed: 1, inconclusive: 3 };

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function main(given: FuzzArguments): Promise<Verdict> {
  log(`seed ${given.seed}`);
  const stop = stopSignal(() => log('stopping; a second signal ends the fuzzer at once'));
  mkdirSync(resolve(given.folder), { recursive: true });
  const isOnline = onlineNames.some((name) => given.only.includes(name));
  // A parser in a loop leaves no processor time for a cluster, so the two parts follow each other.
  const offlineMs = isOnline ? given.forMs * offlineShare : given.forMs;
  const parsed = await attackParsers(given, offlineMs, stop);
  // A cluster that does not start must not hide the faults of the parsers.
  saveInputs(given, parsed);
  if (isOnline && verdictOf(parsed, null) === 'failed') log(renderReport(parsed, null));
  const seen = isOnline && !stop.aborted ? await attackCluster(given, given.forMs - offlineMs, stop) : null;
  if (seen !== null) saveInputs(given, seen.report);
  const report: CampaignReport = {
    cases: new Map([...parsed.cases, ...(seen?.report.cases ?? [])]),
    faults: [...parsed.faults, ...(seen?.report.faults ?? [])],
  };
  const online = isOnline && seen === null ? 'stopped' : (seen?.online ?? null);
  process.stdout.write(`${renderReport(report, online)}\n`);
  return verdictOf(report, online);
}

/** Writes the inputs of the faults into the folder of `--dir`. */
function saveInputs({ folder, seed }: FuzzArguments, { faults }: CampaignReport): void {
  for (const { target, number, error } of faults)
    if (error.input !== null) writeFileSync(join(folder, `${target}-${seed}-${number}.bin`), error.input);
}

async function attackParsers(
  given: FuzzArguments,
  forMs: number,
  stop: AbortSignal,
): Promise<CampaignReport> {
  const wanted = new Set<string>(given.only);
  const targets = offlineTargets(root).filter(({ name }) => wanted.has(name));
  const watchdog = new ParserWatchdog(
    script,
    targets.map(({ name }) => name),
    given.seed,
  );
  const onCase = (target: string, number: number): void => watchdog.begin(target, number);
  try {
    const parsing = campaignOf(given, { targets, forMs, onCase });
    return await withProgress(parsing, stop, (campaign) => campaign.run());
  } finally {
    await watchdog.end();
  }
}

async function attackCluster(
  given: FuzzArguments,
  forMs: number,
  stop: AbortSignal,
): Promise<{ readonly report: CampaignReport; readonly online: OnlineReport }> {
  const wanted = new Set<string>(given.only);
  const ports = await chooseAttackPorts();
  const { cluster, witness, token, end } = await startAttackedCluster(resolve(given.folder), ports);
  try {
    const [attacked] = cluster.layout.members;
    const targets = onlineTargets(root, { member: attacked!, ports, token, secret: witness.mark }).filter(
      ({ name }) => wanted.has(name),
    );
    return await withProgress(campaignOf(given, { targets, forMs }), stop, (campaign) =>
      runOnline(campaign, forMs, cluster, witness),
    );
  } finally {
    await end(true);
  }
}

function campaignOf(
  { seed, case: number }: FuzzArguments,
  { forMs, ...options }: Pick<CampaignOptions, 'targets' | 'onCase'> & { readonly forMs: number },
): Campaign {
  return new Campaign({
    ...options,
    seed,
    forMs,
    onFault: (fault) => log(`FAULT ${fault.error.message} (${repetitionOf(fault)})`),
    ...(number !== null && { firstCase: number, cases: 1 }),
  });
}

/** Runs a campaign that logs its progress, and ends when `stop` is aborted. */
async function withProgress<Result>(
  campaign: Campaign,
  stop: AbortSignal,
  run: (campaign: Campaign) => Promise<Result>,
): Promise<Result> {
  const stopCampaign = (): void => campaign.stop();
  if (stop.aborted) stopCampaign();
  stop.addEventListener('abort', stopCampaign);
  const progress = setInterval(() => logProgress(campaign), progressIntervalMs);
  try {
    return await run(campaign);
  } finally {
    clearInterval(progress);
    stop.removeEventListener('abort', stopCampaign);
  }
}

function logProgress(campaign: Campaign): void {
  log([...campaign.report.cases].map(([name, count]) => `${name} ${count}`).join(', '));
}

if (isWatchdogThread) watchParsers();
else
  await runTool('fuzz', async () => {
    const verdict = await main(readArguments(process.argv.slice(2)));
    // Without `exit` the process would wait for sockets of the attack that are still open.
    process.exit(exitStatus[verdict]);
  });
