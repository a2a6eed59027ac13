import type { MemberMemory } from '@mqtt-cluster/lab';
import type { WitnessReport } from '@mqtt-cluster/workload';
import type { CampaignReport } from './campaign.ts';
import { toMebibytes } from './memory-growth.ts';

export interface OnlineReport {
  readonly witness: WitnessReport;
  readonly memory: readonly MemberMemory[];
  readonly memberFaults: readonly string[];
}

/** Returns one sentence for each broken promise. No sentence: the run passed. */
export function faultsOf(campaign: CampaignReport, online: OnlineReport | null): string[] {
  const faults = campaign.faults.map(
    ({ target, number, error }) => `${error.message} (repeat with --only ${target} --case ${number})`,
  );
  const idle = [...campaign.cases]
    .filter(([, count]) => count === 0)
    .map(([name]) => `${name}: no case was run`);
  return [
    ...faults,
    ...idle,
    ...(online === null ? [] : [...witnessFaults(online.witness), ...online.memberFaults]),
  ];
}

function witnessFaults(witness: WitnessReport): string[] {
  const { acknowledged, missing, outOfOrder, disconnects } = witness;
  return [
    ...(acknowledged === 0 ? ['witness: no message was acknowledged'] : []),
    ...(missing > 0 ? [`witness: ${missing} acknowledged messages did not arrive`] : []),
    ...(outOfOrder > 0 ? [`witness: ${outOfOrder} messages arrived out of order`] : []),
    ...(disconnects > 0 ? [`witness: the server closed its connections ${disconnects} times`] : []),
  ];
}

/** Returns the result as text: what was run, what the witness saw, and each fault. */
export function renderReport(campaign: CampaignReport, online: OnlineReport | null): string {
  const cases = [...campaign.cases].map(([name, count]) => `${name} ${count}`).join(', ');
  const lines = [`cases: ${cases}`];
  if (online !== null) {
    const { acknowledged, received, p50Ms, p99Ms } = online.witness;
    lines.push(
      `witness: ${acknowledged} acknowledged, received ${received.join(' and ')}, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
      ...online.memory.map(
        ({ id, warmBytes, peakBytes, endBytes }) =>
          `${id}: live memory ${toMebibytes(warmBytes)} MiB after the warm-up, ${toMebibytes(endBytes)} MiB in the end; resident at most ${toMebibytes(peakBytes)} MiB`,
      ),
    );
  }
  const faults = faultsOf(campaign, online);
  lines.push(
    ...faults.map((fault) => `FAULT  ${fault}`),
    faults.length === 0 ? 'ok' : `${faults.length} faults`,
  );
  return lines.join('\n');
}
