import type { Finding, RuleVerdict } from '@mqtt-cluster/history-checker';
import type { ResourceUsage } from '../targets/target.ts';

/** Shortest duration of a run whose growth is checked, ms. */
export const growthRunDurationMsMin = 10 * 60_000;
const samplesOfQuarterMin = 5;
const growthFactorMin = 1.3;
const mebibyte = 1024 * 1024;

type Measure = 'resident' | 'descriptors' | 'disk';

/** Growth below which the rule reports no violation, in bytes or in descriptors. Smaller growth is noise. */
const floors: Readonly<Record<Measure, number>> = {
  resident: 32 * mebibyte,
  descriptors: 64,
  disk: 64 * mebibyte,
};

/** Resources of all members at one time. */
export interface ResourceSample {
  readonly atMs: number;
  readonly usages: readonly ResourceUsage[];
}

/**
 * Reports processes whose resources grow without levelling off (P9): the medians of the four quarters of the
 * run rise each time, the last rise is at least half of the first rise, and the total growth is more than
 * noise.
 */
export function checkGrowth(samples: readonly ResourceSample[]): RuleVerdict {
  const findings: Finding[] = [];
  let checked = 0;
  const last = samples.at(-1)?.atMs ?? 0;
  const first = samples[0]?.atMs ?? 0;
  if (last - first >= growthRunDurationMsMin) {
    for (const server of new Set(samples.flatMap(({ usages }) => usages.map((usage) => usage.server)))) {
      for (const measure of ['resident', 'descriptors', 'disk'] as const) {
        const medians = quarterMedians(samples, server, measure);
        if (medians === null) continue;
        checked += 1;
        if (!keepsGrowing(medians, floors[measure])) continue;
        const steps = medians.map((value) => show(measure, value)).join(', ');
        findings.push({
          rule: 'growth',
          text: `${server}: ${measure} grows without levelling off; medians of the quarters: ${steps}`,
        });
      }
    }
  }
  return {
    rule: 'growth',
    promise: 'P9',
    clause: 'docs/DESIGN.md, "Promises", P9',
    checked,
    violations: findings.length,
    findings,
    excused: 0,
    excuses: [],
  };
}

function keepsGrowing([a = 0, b = 0, c = 0, d = 0]: readonly number[], floor: number): boolean {
  const rises = a < b && b < c && c < d;
  return rises && d - c >= (b - a) / 2 && d - a > floor && d > a * growthFactorMin;
}

function quarterMedians(
  samples: readonly ResourceSample[],
  server: string,
  measure: Measure,
): number[] | null {
  const values = samples.flatMap(({ usages }) => {
    const usage = usages.find((each) => each.server === server);
    return usage === undefined ? [] : [usage[measure]];
  });
  const size = Math.floor(values.length / 4);
  if (size < samplesOfQuarterMin) return null;
  return [0, 1, 2, 3].map((quarter) => {
    const part = values.slice(quarter * size, (quarter + 1) * size).sort((left, right) => left - right);
    return part[Math.floor(part.length / 2)] ?? 0;
  });
}

/** @returns the resources of all members in one line */
export function describeUsage(usages: readonly ResourceUsage[]): string {
  const each = usages.map(
    ({ server, resident, descriptors, disk }) =>
      `${server} ${show('resident', resident)} ${descriptors} fds ${show('disk', disk)} on disk`,
  );
  return each.join('; ');
}

function show(measure: Measure, value: number): string {
  return measure === 'descriptors' ? String(value) : `${(value / mebibyte).toFixed(0)} MiB`;
}
