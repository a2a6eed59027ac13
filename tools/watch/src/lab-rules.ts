import { stringify } from 'yaml';
import { replaceDurations } from '@mqtt-cluster/monitoring';
import type { RuleFile } from '@mqtt-cluster/monitoring';

/** Factor by which the durations in the rules are shortened in a lab, so that an alert clears while the user waits. */
const faster = 30;
/** Shortest range of `rate`. It needs two samples, and on a busy machine some of the scrapes (one a second) fail. */
const rangeSecondsMin = 6;
const forSecondsMin = 1;

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Converts a PromQL duration into seconds: `5m` into 300. @throws Error when the text is not a PromQL duration. */
export function durationSeconds(duration: string): number {
  const parts = [...duration.matchAll(/(\d+)([smhdw])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== duration) {
    throw new Error(`not a duration in seconds, minutes, hours, days or weeks: ${duration}`);
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit ?? ''] ?? 0), 0);
}

/** Returns the rules as YAML, with ranges and `for` durations 30 times shorter, evaluated every second. */
export function shortenDurations({ groups }: RuleFile): string {
  const shorter =
    (secondsMin: number) =>
    (duration: string): string =>
      `${Math.max(secondsMin, Math.ceil(durationSeconds(duration) / faster))}s`;
  return stringify({
    groups: groups.map(({ name, rules }) => ({
      name,
      interval: '1s',
      rules: rules.map(({ file: _file, ...rule }) => ({
        ...rule,
        expr: replaceDurations(rule.expr, shorter(rangeSecondsMin)),
        ...('for' in rule && rule.for !== undefined ? { for: shorter(forSecondsMin)(rule.for) } : {}),
      })),
    })),
  });
}
