import type { MemberMemory } from '@mqtt-cluster/lab';
import type { WitnessReport } from '@mqtt-cluster/workload';
import { repetitionOf } from './campaign.ts';
import type { CampaignReport } from './campaign.ts';
import { toMebibytes } from './memory-growth.ts';

export interface OnlineReport {
  readonly witness: WitnessReport;
  readonly memory: readonly MemberMemory[];
  /** One sentence for each broken promise that is not in `witness`. */
  readonly faults: readonly string[];
  /** One sentence for each fault that is excused because the machine gave the processes too little processor time. */
  readonly inconclusive: readonly string[];
  /** Part of the time of the attack in which all processes had enough processor time: 0 to 1. */
  readonly judgedShare: number;
}

/** Result of the attack on a cluster. null: the run has no such targets. `stopped`: the run was stopped before the attack. */
type Attack = OnlineReport | 'stopped' | null;

/** If less of the attack was judged and something was inconclusive, the run shows nothing. */
const judgedShareMin = 0.5;

export type Verdict = 'passed' | 'failed' | 'inconclusive';

export function verdictOf(campaign: CampaignReport, online: Attack): Verdict {
  if (faultsOf(campaign, online).length > 0) return 'failed';
  if (online === 'stopped') return 'inconclusive';
  if (online === null || online.inconclusive.length === 0) return 'passed';
  return online.judgedShare < judgedShareMin ? 'inconclusive' : 'passed';
}

/** Returns one sentence for each broken promise. No sentence: the run passed. */
export function faultsOf(campaign: CampaignReport, online: Attack): string[] {
  const faults = campaign.faults.map((fault) => `${fault.error.message} (${repetitionOf(fault)})`);
  const idle = [...campaign.cases]
    .filter(([, count]) => count === 0)
    .map(([name]) => `${name}: no case was run`);
  return [
    ...faults,
    ...idle,
    ...(online === null || online === 'stopped' ? [] : [...witnessFaults(online.witness), ...online.faults]),
  ];
}

function witnessFaults(witness: WitnessReport): string[] {
  const { acknowledged, missing, outOfOrder, foreign } = witness;
  return [
    ...(acknowledged === 0 ? ['witness: no message was acknowledged'] : []),
    ...(missing > 0 ? [`witness: ${missing} acknowledged messages did not arrive`] : []),
    ...(outOfOrder > 0 ? [`witness: ${outOfOrder} messages arrived out of order`] : []),
    ...(foreign > 0
      ? [`witness: ${foreign} messages came from clients without the right to publish them`]
      : []),
  ];
}

const endings: Readonly<Record<Verdict, (faults: number, online: Attack) => string>> = {
  passed: () => 'ok',
  failed: (faults) => `${faults} faults`,
  inconclusive: (_faults, online) =>
    online === 'stopped'
      ? 'inconclusive: the run was stopped before the attack on the cluster'
      : `inconclusive: the machine was busy for more than ${100 * (1 - judgedShareMin)} % of the attack; repeat the run on a calmer machine`,
};

/** Returns the result as text: what was run, what the witness saw, and each fault. */
export function renderReport(campaign: CampaignReport, online: Attack): string {
  const cases = [...campaign.cases].map(([name, count]) => `${name} ${count}`).join(', ');
  const lines = [`cases: ${cases}`];
  if (online !== null && online !== 'stopped') {
    const { acknowledged, received, p50Ms, p99Ms } = online.witness;
    lines.push(
      `witness: ${acknowledged} acknowledged, received ${received.join(' and ')}, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
      ...online.memory.map(
        ({ id, warmBytes, peakBytes, endBytes }) =>
          `${id}: live memory ${toMebibytes(warmBytes)} MiB after the warm-up, ${toMebibytes(endBytes)} MiB in the end; resident at most ${toMebibytes(peakBytes)} MiB`,
      ),
      `machine: busy for ${(100 * (1 - online.judgedShare)).toFixed(1)} % of the attack: then a process got too little processor time, and elections and lost connections are not judged`,
      ...online.inconclusive.map((text) => `INCONCLUSIVE  ${text}`),
    );
  }
  const faults = faultsOf(campaign, online);
  lines.push(
    ...faults.map((fault) => `FAULT  ${fault}`),
    endings[verdictOf(campaign, online)](faults.length, online),
  );
  return lines.join('\n');
}
