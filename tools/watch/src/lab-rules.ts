import { stringify } from 'yaml';
import { withDurations } from '@mqtt-cluster/monitoring';
import type { RuleFile } from '@mqtt-cluster/monitoring';

/** In a lab a minute passes in two seconds: nobody waits half an hour to see an alert clear. */
const faster = 30;
/** A rate needs two samples; a busy machine misses some of those that come every second. */
const rangeSecondsMin = 6;
const forSecondsMin = 1;

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** `5m` is 300. @throws Error for what is no such duration. */
export function secondsOf(duration: string): number {
  const parts = [...duration.matchAll(/(\d+)([smhdw])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== duration) {
    throw new Error(`no duration in seconds, minutes, hours, days or weeks: ${duration}`);
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit ?? ''] ?? 0), 0);
}

/** The same rules with shorter ranges and waits, evaluated every second, as YAML. */
export function atLabSpeed({ groups }: RuleFile): string {
  const shorter =
    (secondsMin: number) =>
    (duration: string): string =>
      `${Math.max(secondsMin, Math.ceil(secondsOf(duration) / faster))}s`;
  return stringify({
    groups: groups.map(({ name, rules }) => ({
      name,
      interval: '1s',
      rules: rules.map(({ file: _file, ...rule }) => ({
        ...rule,
        expr: withDurations(rule.expr, shorter(rangeSecondsMin)),
        ...('for' in rule && rule.for !== undefined ? { for: shorter(forSecondsMin)(rule.for) } : {}),
      })),
    })),
  });
}
