import type { Allowance, RuleVerdict, Verdict } from './verdict.ts';

const columnGap = '  ';
const heads = ['rule', 'promise', 'checked', 'violations', 'first finding'] as const;

/**
 * Renders a verdict for a terminal: one line for each rule, then the exceptions and the extended bounds.
 * @param columnsMax lines are cut to this many characters; Infinity for a file
 */
export function renderVerdict(verdict: Verdict, columnsMax = Infinity): string {
  const rows = verdict.rules.map(rowOf);
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const lines = [heads, ...rows].map((row) =>
    row
      .map((cell, column) => pad(cell as string, widths[column] as number, column))
      .join(columnGap)
      .trimEnd(),
  );
  const exceptions = verdict.rules.flatMap(({ excused: count, rule, excuses }) =>
    count === 0
      ? []
      : [`${rule}: ${count} ${count === 1 ? 'exception' : 'exceptions'}: ${excuses[0]?.text ?? ''}`],
  );
  const allowances = verdict.rules.flatMap(({ rule, allowance }) =>
    allowance === undefined ? [] : [describeAllowance(rule, allowance)],
  );
  return [...lines, ...exceptions, ...allowances, conclusion(verdict)]
    .map((line) => cut(line, columnsMax))
    .join('\n');
}

/** @returns one line that shows how often and how far a rule extended its bounds */
function describeAllowance(rule: string, { judged, lengthened, needed, longestMs }: Allowance): string {
  const durations = judged === 1 ? '1 duration' : `${judged} durations`;
  if (lengthened === 0) return `${rule}: ${durations} checked, no bound extended for a busy machine`;
  const most = (longestMs / 1_000).toFixed(1);
  return (
    `${rule}: ${durations} checked, ${lengthened} with a bound extended for a busy machine ` +
    `(by ${most} s at most), ${needed} in time only because of the extension`
  );
}

function rowOf({ rule, promise, checked, violations, findings }: RuleVerdict): string[] {
  if (checked === 0 && violations === 0) return [rule, promise, '-', '-', 'not exercised'];
  return [rule, promise, String(checked), String(violations), findings[0]?.text ?? ''];
}

function pad(cell: string, width: number, column: number): string {
  return column === 2 || column === 3 ? cell.padStart(width) : cell.padEnd(width);
}

function cut(line: string, columnsMax: number): string {
  return line.length <= columnsMax ? line : `${line.slice(0, Math.max(0, columnsMax - 3))}...`;
}

function conclusion({ ok, rules }: Verdict): string {
  const idle = rules.filter(({ checked, violations }) => checked === 0 && violations === 0).length;
  const notExercised = idle === 0 ? '' : `, ${idle} of ${rules.length} rules not exercised`;
  if (ok) return `ok${notExercised}`;
  const broken = rules.filter(({ violations }) => violations > 0).map(({ rule }) => rule);
  return `NOT OK: ${broken.join(', ')}${notExercised}`;
}
