import type { Verdict } from '@mqtt-cluster/history-checker';
import type { Scenario } from '../scenarios/scenarios.ts';
import type { ScenarioRun } from './scenario-run.ts';

/** The result of one scenario. */
export interface ScenarioResult {
  readonly scenario: string;
  /**
   * `not available`: the target does not support the faults of the scenario; `broken`: the run did not reach
   * its end, or its verdict is inconclusive.
   */
  readonly state: 'ok' | 'violated' | 'not available' | 'broken';
  readonly run: ScenarioRun | null;
  readonly verdict: Verdict | null;
  /** The reason for `not available` or `broken`. */
  readonly why: string;
  /** Path of the history, if it was kept. */
  readonly history: string | null;
}

const columns = ['scenario', 'verdict', 'published', 'acked', 'delivered', 'faults', 'seconds', ''] as const;
const noteCharactersMax = 110;

/** @returns the numbers of violations and exceptions of each rule; without a verdict, the reason */
export function summaryOf({ verdict, why }: ScenarioResult): string {
  if (verdict === null) return why;
  const violated = verdict.rules.filter(({ violations }) => violations > 0);
  const exceptions = verdict.rules.filter((each) => each.excused > 0);
  return [
    ...violated.map(({ rule, violations }) => `${rule} ${violations}`),
    ...exceptions.map(
      ({ rule, excused }) => `${rule}: ${excused} ${excused === 1 ? 'exception' : 'exceptions'}`,
    ),
  ].join(', ');
}

/**
 * @returns the reason if the verdict is inconclusive: no fault happened, or a rule of the scenario had
 * nothing to check; null if the verdict is conclusive
 */
export function inconclusiveReason(
  { exercises, plan }: Pick<Scenario, 'exercises' | 'plan'>,
  { rules }: Verdict,
  faults: number,
): string | null {
  if (plan !== null && faults === 0) return 'inconclusive: no fault happened';
  const counts = rules.flatMap(({ rule, checked, parts = {} }): (readonly [string, number])[] => [
    [rule, checked],
    ...Object.entries(parts).map(([part, count]) => [`${rule}: ${part}`, count] as const),
  ]);
  const idle = counts.filter(([name, count]) => count === 0 && exercises.includes(name));
  if (idle.length === 0) return null;
  return `inconclusive: nothing to check for ${idle.map(([name]) => name).join(', ')}`;
}

/** @returns a table with one line for each scenario */
export function renderResults(results: readonly ScenarioResult[]): string {
  const rows = results.map((result) => {
    const { scenario, state, run } = result;
    const counts = run?.counts;
    const numbers = [counts?.published, counts?.acked, counts?.delivered, run?.faults];
    const seconds = run === null ? undefined : Math.round(run.lastedMs / 1_000);
    const texts = [...numbers, seconds].map((value) => (value === undefined ? '' : String(value)));
    return [scenario, state, ...texts, summaryOf(result).slice(0, noteCharactersMax)];
  });
  const table = [[...columns], ...rows];
  const widths = columns.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => {
        const width = widths[column] ?? 0;
        return column >= 2 && column < columns.length - 1 ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return table.map(line).join('\n');
}

/**
 * Whether at least one scenario passed and no scenario failed. Scenarios that the target does not support
 * don't count.
 */
export function allPassed(results: readonly ScenarioResult[]): boolean {
  return (
    results.some(({ state }) => state === 'ok') &&
    results.every(({ state }) => state === 'ok' || state === 'not available')
  );
}
