import { median } from '@mqtt-cluster/kit';
import { rows } from './index.ts';
import type { RowMeasurement, RowsResult } from './measure-rows.ts';

const nameWidth = 34;
const width = 26;

/** The median and range of one figure of one target. */
interface Cell {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface RowSummary {
  readonly row: string;
  readonly figure: string;
  readonly unit: string;
  readonly isLessBetter: boolean;
  readonly targets: Readonly<Record<string, Cell>>;
  /** Median of the ratios of the same runs, this cluster to mosquitto; null without mosquitto. */
  readonly ratio: number | null;
}

/** One summary for each figure that was measured. */
export function summarizeRows(measurements: readonly RowMeasurement[]): RowSummary[] {
  return rows.flatMap(({ name: row, figures }) => {
    const ofRow = measurements.filter((each) => each.row === row);
    if (ofRow.length === 0) return [];
    const names = [...new Set(ofRow.map(({ target }) => target))];
    return figures.map(({ name: figure, unit, isLessBetter }, at): RowSummary => {
      const targets = Object.fromEntries(
        names.map((target) => [
          target,
          cellOf(ofRow.filter((each) => each.target === target).map(({ values }) => values[at]!)),
        ]),
      );
      return { row, figure, unit, isLessBetter, targets, ratio: ratioOf(ofRow, at) };
    });
  });
}

function cellOf(values: readonly number[]): Cell {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

function ratioOf(measurements: readonly RowMeasurement[], at: number): number | null {
  const ratios = measurements
    .filter(({ target }) => target === 'ours')
    .flatMap(({ run, values }) => {
      const other = measurements.find((each) => each.target === 'mosquitto' && each.run === run);
      return other === undefined ? [] : [values[at]! / other.values[at]!];
    });
  return ratios.length === 0 ? null : median(ratios);
}

export function renderRows({ measurements, skipped, failures }: RowsResult): string {
  const measured = rows.filter(({ name }) => measurements.some(({ row }) => row === name));
  const lines = measured.map(({ name, title }) => `${name}: ${title}`);
  lines.push(
    '',
    `${'median (least-most)'.padEnd(nameWidth)}${['ours', 'mosquitto'].map(right).join('')}     ratio`,
  );
  for (const { row, figure, unit, isLessBetter, targets, ratio } of summarizeRows(measurements)) {
    const cells = ['ours', 'mosquitto'].map((target) => right(textOf(targets[target])));
    const comparison =
      ratio === null ? '' : `${ratio.toFixed(2).padStart(10)}${isLessBetter ? ' (less is better)' : ''}`;
    lines.push(`${`${row}: ${figure}, ${unit}`.padEnd(nameWidth)}${cells.join('')}${comparison}`);
  }
  for (const reason of skipped) lines.push(`skipped ${reason}`);
  for (const text of failures) lines.push(`FAULT ${text}`);
  return `${lines.join('\n')}\n`;
}

function right(text: string): string {
  return text.padStart(width);
}

function textOf(cell: Cell | undefined): string {
  return cell === undefined
    ? '-'
    : `${figureOf(cell.median)} (${figureOf(cell.least)}-${figureOf(cell.most)})`;
}

/** Three significant digits, and whole numbers from 100 on. */
function figureOf(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
