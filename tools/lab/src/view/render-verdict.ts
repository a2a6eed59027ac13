import { renderVerdict as renderRules } from '@mqtt-cluster/history-checker';
import type { LoadVerdict, Quantiles } from '../load/lab-load.ts';

/** Returns the verdict of `lab run` as lines: a table of the traffic, the times, and the rules of the checker. */
export function renderVerdict(verdict: LoadVerdict): string[] {
  const { ok, reasons, rules, droppedAtBound, gapMs, gapAtKilledMs, latencyMs } = verdict;
  return [
    `${''.padEnd(12)}${'QoS 0'.padStart(10)}${'QoS 1'.padStart(10)}${'QoS 2'.padStart(10)}`,
    ...(['sent', 'acked', 'delivered'] as const).map((name) => {
      const { qos0, qos1, qos2 } = verdict[name];
      return name.padEnd(12) + [qos0, qos1, qos2].map((count) => String(count).padStart(10)).join('');
    }),
    `dropped at the bound of a queue: ${droppedAtBound}`,
    `gap after a kill        ${describe(gapMs)}`,
    `gap at killed members   ${describe(gapAtKilledMs)}`,
    `latency                 ${describe(latencyMs)}`,
    '',
    ...renderRules({ ok: rules.every(({ violations }) => violations === 0), rules }).split('\n'),
    '',
    ...reasons.map((reason) => `- ${reason}`),
    ok ? 'every promise was kept' : 'NOT every promise was kept',
  ];
}

function describe({ p50, p99, max }: Quantiles): string {
  return p50 === null ? 'none' : `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`;
}
