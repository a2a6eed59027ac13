import { z } from 'zod';
import type { Series } from '../prometheus-api.ts';
import { fieldOptions } from './dashboard-json.ts';
import type { Panel } from './dashboard-json.ts';
import { escapeHtml, shownValue } from './format.ts';

type Row = Readonly<Record<string, string | number>>;

const organizeOptions = z.object({
  excludeByName: z.record(z.string(), z.boolean()),
  indexByName: z.record(z.string(), z.number()),
  renameByName: z.record(z.string(), z.string()),
});
const matrixOptions = z.object({ rowField: z.string(), columnField: z.string() });
const filterOptions = z.object({ include: z.object({ names: z.array(z.string()) }) });

/** Returns a table panel as HTML. @param results the result of each query of the panel */
export function tableHtml(panel: Panel, results: readonly (readonly Series[])[]): string {
  const [first] = panel.transformations;
  if (first?.id === 'groupingToMatrix')
    return html(panel, ...matrix(matrixOptions.parse(first.options), results[0] ?? []));
  if (first?.id === 'merge') {
    const options = organizeOptions.parse(panel.transformations[1]?.options);
    return html(panel, ...merged(panel, options, results));
  }
  const { names } = filterOptions.parse(first?.options).include;
  const rows = (results[0] ?? []).map(({ labels }) => labels);
  const used = names.filter((name) => rows.some((row) => row[name] !== undefined));
  return html(panel, used, rows);
}

function merged(
  panel: Panel,
  { excludeByName, indexByName, renameByName }: z.output<typeof organizeOptions>,
  results: readonly (readonly Series[])[],
): [string[], Row[]] {
  const lines = new Map<string, Record<string, string | number>>();
  for (const [index, series] of results.entries()) {
    const field = `Value #${panel.targets[index]?.refId}`;
    for (const { labels, samples } of series) {
      const key = `${labels['site']} ${labels['member']}`;
      const line = lines.get(key) ?? {};
      lines.set(key, Object.assign(line, labels, { [field]: samples.at(-1)?.[1] ?? NaN }));
    }
  }
  const fields = Object.keys(renameByName)
    .filter((name) => excludeByName[name] !== true)
    .sort((one, other) => (indexByName[one] ?? 0) - (indexByName[other] ?? 0));
  const titles = fields.map((field) => renameByName[field] ?? field);
  const rows = [...lines].sort(([one], [other]) => one.localeCompare(other));
  return [
    titles,
    rows.map(([, line]) =>
      Object.fromEntries(fields.map((field, index) => [titles[index], line[field] ?? ''])),
    ),
  ];
}

function matrix(
  { rowField, columnField }: z.output<typeof matrixOptions>,
  series: readonly Series[],
): [string[], Row[]] {
  const columns = [...new Set(series.map(({ labels }) => labels[columnField] ?? ''))].sort();
  const lines = new Map<string, Record<string, string | number>>();
  for (const { labels, samples } of series) {
    const name = labels[rowField] ?? '';
    const line = lines.get(name) ?? { [`${rowField}\\${columnField}`]: name };
    lines.set(name, Object.assign(line, { [labels[columnField] ?? '']: samples.at(-1)?.[1] ?? NaN }));
  }
  return [[`${rowField}\\${columnField}`, ...columns], [...lines.values()]];
}

function html(panel: Panel, columns: readonly string[], rows: readonly Row[]): string {
  if (rows.length === 0)
    return `<div class="empty">${panel.fieldConfig?.defaults.noValue ?? 'no data'}</div>`;
  const head = columns.map((column) => `<th>${escapeHtml(column)}</th>`).join('');
  const body = rows.map(
    (row) => `<tr>${columns.map((column) => cell(panel, column, row[column])).join('')}</tr>`,
  );
  return `<table><tr>${head}</tr>${body.join('')}</table>`;
}

function cell(panel: Panel, column: string, value: string | number | undefined): string {
  if (typeof value !== 'number') return `<td>${escapeHtml(value ?? '')}</td>`;
  const options = fieldOptions(panel, column);
  const { text, color } = shownValue(value, options);
  const isMatrix = panel.transformations[0]?.id === 'groupingToMatrix';
  if (options.cell === 'gauge')
    return `<td><div class="gauge"><i style="width:${value * 70}%;background:${color}"></i><b style="color:${color}">${text}</b></div></td>`;
  const filled = options.cell === 'color-background' || isMatrix;
  const style = filled && color !== '#ccccdc' ? `background:${color};color:#111217` : `color:${color}`;
  return `<td style="${style}">${escapeHtml(text)}</td>`;
}
