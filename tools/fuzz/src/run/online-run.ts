import { setTimeout as delay } from 'node:timers/promises';
import { processorWaitMs } from '@mqtt-cluster/kit';
import { MemberWatch, readStatus } from '@mqtt-cluster/lab';
import type { Cluster } from '@mqtt-cluster/lab';
import { Witness } from '@mqtt-cluster/workload';
import type { WitnessOptions } from '@mqtt-cluster/workload';
import type { Campaign, CampaignReport } from './campaign.ts';
import { MachineLoad } from './machine-load.ts';
import { MemberHealth } from './member-health.ts';
import { growthFault, measureMemory, noMemory } from './memory-growth.ts';
import type { OnlineReport } from './report.ts';
import { judgeDisconnects } from './witness-judgement.ts';

const sampleIntervalMs = 500;
/** Part of the attack after which the members count as warm. */
const warmShare = 0.5;
/** Time between the last attack and the last measurement: timers run and the garbage collector works. */
const settleMs = 5_000;
/** Longest time until the witness is connected. */
const connectMsMax = 600_000;
/** Longest wait for the last messages of the witness. A message that is still missing is lost, also on a busy machine. */
const arrivalMsMax = 300_000;
/** Longest wait for one answer of a member, ms. A member that answers later hangs. */
const statusMsMax = 600_000;

/**
 * Runs the campaign against a cluster, while a witness publishes and receives. The campaign ends early when a member ends or
 * hangs, so that the last cases contain the cause.
 */
export async function runOnline(
  campaign: Campaign,
  forMs: number,
  cluster: Cluster,
  access: Pick<WitnessOptions, 'username' | 'password' | 'mark'>,
): Promise<{ readonly report: CampaignReport; readonly online: OnlineReport }> {
  const witness = new Witness({ ...access, connectMsMax });
  try {
    await witness.start(cluster.layout.members.map(({ host, mqttPort }) => ({ host, port: mqttPort })));
    return await runWithWitness(campaign, forMs, cluster, witness);
  } finally {
    witness.end();
  }
}

async function runWithWitness(
  campaign: Campaign,
  forMs: number,
  cluster: Cluster,
  witness: Witness,
): Promise<{ readonly report: CampaignReport; readonly online: OnlineReport }> {
  const places = cluster.layout.members;
  const ids = places.map(({ id }) => id);
  const pids = () => cluster.pidsById();
  const load = new MachineLoad({ pids, intervalMs: sampleIntervalMs, waitedMs: processorWaitMs });
  const watch = new MemberWatch(cluster);
  const health = new MemberHealth({
    ids,
    load,
    ask: async (id) => {
      const { host, httpPort } = places.find((place) => place.id === id)!;
      const status = await readStatus(host, httpPort, statusMsMax);
      return typeof status?.['term'] === 'number' ? { term: status['term'] } : null;
    },
  });
  const hasFailed = (): boolean => health.hanging.length > 0 || watch.ended().length > 0;
  const sampling = setInterval(() => {
    load.sample();
    watch.sample();
    health.check(pids().map(([id]) => id));
    if (hasFailed()) campaign.stop();
  }, sampleIntervalMs);
  // The memory of a run that has failed shows nothing, and its measurement would wait for a member that hangs.
  const measure = () => (hasFailed() ? noMemory : measureMemory(pids, load));
  try {
    const attack = campaign.run();
    await Promise.race([attack, delay(forMs * warmShare)]);
    const warm = await measure();
    const report = await attack;
    const judgedShare = load.judgedShare();
    const seen = await witness.stop(hasFailed() ? undefined : arrivalMsMax);
    await delay(settleMs);
    const end = await measure();
    const memory = watch.memory().map(({ id, peakBytes }) => ({
      id,
      peakBytes,
      warmBytes: warm.live.get(id) ?? 0,
      endBytes: end.live.get(id) ?? 0,
    }));
    const disconnects = judgeDisconnects(seen, ids, load);
    const all = [warm, end, disconnects, health];
    const growth = memory.flatMap(growthFault);
    const isJudged = warm.wasCalm && end.wasCalm;
    const faults = [...watch.ended(), ...all.flatMap((part) => part.faults), ...(isJudged ? growth : [])];
    const inconclusive = [...all.flatMap((part) => part.inconclusive), ...(isJudged ? [] : growth)];
    return { report, online: { witness: seen, memory, faults, inconclusive, judgedShare } };
  } finally {
    clearInterval(sampling);
  }
}
