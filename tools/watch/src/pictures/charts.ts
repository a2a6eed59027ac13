import type { Series } from '../prometheus-api.ts';
import { fieldOptions } from './dashboard-json.ts';
import type { Panel } from './dashboard-json.ts';
import { cssColor, escapeHtml, formatValue, shownValue } from './format.ts';

/** A series with the name of its legend. */
export interface NamedSeries extends Series {
  readonly name: string;
}

interface Box {
  readonly width: number;
  readonly height: number;
  readonly from: number;
  readonly to: number;
}

const palette = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff780a',
  '#f2495c',
  '#5794f2',
  '#b877d9',
  '#705da0',
  '#37872d',
  '#fade2a',
];
const legendRow = 20;
const axisWidth = 62;
const axisHeight = 20;

/** Returns a graph with its legend as HTML. */
export function graphHtml(
  panel: Panel,
  series: readonly NamedSeries[],
  box: Box,
  stepSeconds: number,
): string {
  const options = fieldOptions(panel);
  const legendHeight = Math.min((series.length + 1) * legendRow, Math.floor(box.height * 0.35));
  const height = box.height - legendHeight;
  const values = series.flatMap(({ samples }) => samples.map(([, value]) => value)).filter(Number.isFinite);
  if (values.length === 0)
    return `<div class="empty">${panel.fieldConfig?.defaults.noValue ?? 'no data'}</div>`;
  const { min, max } = panel.fieldConfig?.defaults ?? {};
  const low = min ?? Math.min(...values);
  const highest = max ?? Math.max(...values) * 1.05;
  const high = highest > low ? highest : low + 1;
  const x = (seconds: number): number =>
    axisWidth + ((seconds - box.from) / (box.to - box.from)) * (box.width - axisWidth - 6);
  const y = (value: number): number => 6 + (1 - (value - low) / (high - low)) * (height - axisHeight - 8);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = low + share * (high - low);
    return `<line x1="${axisWidth}" x2="${box.width}" y1="${y(value)}" y2="${y(value)}" stroke="#2c3235"/><text x="${axisWidth - 6}" y="${y(value) + 4}" text-anchor="end">${formatValue(value, options.unit)}</text>`;
  });
  const dashed = panel.fieldConfig?.defaults.custom?.thresholdsStyle?.mode === 'dashed';
  const bounds = options.steps.flatMap(({ value, color }) =>
    dashed && value !== null && value >= low && value <= high
      ? [
          `<line x1="${axisWidth}" x2="${box.width}" y1="${y(value)}" y2="${y(value)}" stroke="${cssColor(color)}" stroke-dasharray="8 6"/>`,
        ]
      : [],
  );
  const lines = series.flatMap(({ samples }, index) =>
    unbroken(samples, stepSeconds).map((part) => {
      const points = part.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
      return `<polyline points="${points}" fill="none" stroke="${seriesColor(index)}" stroke-width="1.4"/>`;
    }),
  );
  return `<svg width="${box.width}" height="${height}">${grid.join('')}${timeAxis(box, height, x)}${lines.join('')}${bounds.join('')}</svg>${legend(series, options.unit, legendHeight)}`;
}

/** Splits samples where some are missing: Grafana draws no line there. */
function unbroken(samples: Series['samples'], stepSeconds: number): Series['samples'][] {
  const parts: (readonly [number, number])[][] = [];
  let last = -Infinity;
  for (const sample of samples) {
    if (!Number.isFinite(sample[1])) continue;
    if (sample[0] - last > 2 * stepSeconds) parts.push([]);
    parts.at(-1)!.push(sample);
    last = sample[0];
  }
  return parts;
}

function seriesColor(index: number): string {
  return palette[index % palette.length] ?? '';
}

function timeAxis(box: Box, height: number, x: (seconds: number) => number): string {
  return [0.1, 0.5, 0.9]
    .map((share) => {
      const at = box.from + share * (box.to - box.from);
      const text = new Date(at * 1_000).toISOString().slice(11, 19);
      return `<text x="${x(at)}" y="${height - 4}" text-anchor="middle">${text}</text>`;
    })
    .join('');
}

function legend(series: readonly NamedSeries[], unit: string, height: number): string {
  const shown = (value: number | undefined): string =>
    value === undefined || !Number.isFinite(value) ? '' : formatValue(value, unit);
  const lines = series.map(({ name, samples }, index) => {
    const values = samples.map(([, value]) => value).filter(Number.isFinite);
    return { name, color: seriesColor(index), last: values.at(-1), highest: Math.max(...values) };
  });
  lines.sort((one, other) => other.highest - one.highest || 0);
  const rows = lines.map(
    ({ name, color, last, highest }) =>
      `<tr><td><i style="background:${color}"></i>${escapeHtml(name)}</td><td>${shown(last)}</td><td>${shown(highest)}</td></tr>`,
  );
  return `<div class="legend" style="height:${height}px"><table><tr><th>Name</th><th>Last</th><th>Max</th></tr>${rows.join('')}</table></div>`;
}

/** Returns the states of each series over time as SVG. */
export function timelineHtml(
  panel: Panel,
  series: readonly NamedSeries[],
  box: Box,
  stepSeconds: number,
): string {
  const options = fieldOptions(panel);
  const row = Math.min(34, (box.height - axisHeight) / Math.max(series.length, 1));
  const left = 130;
  const x = (seconds: number): number =>
    left + ((seconds - box.from) / (box.to - box.from)) * (box.width - left - 6);
  const bars = series.map(({ name, samples }, index) => {
    const spans: { from: number; to: number; value: number }[] = [];
    for (const [at, value] of samples) {
      const open = spans.at(-1);
      if (open?.value === value && at - open.to <= 2 * stepSeconds) open.to = at;
      else spans.push({ from: at, to: at + stepSeconds, value });
    }
    const parts = spans.map(({ from, to, value }) => {
      const { text, color } = shownValue(value, options);
      const width = Math.max(1, x(to) - x(from));
      const label =
        width > 60
          ? `<text x="${x(from) + 6}" y="${index * row + row / 2 + 4}" style="fill:#111217">${escapeHtml(text)}</text>`
          : '';
      return `<rect x="${x(from)}" y="${index * row + 2}" width="${width}" height="${row - 4}" fill="${color}"/>${label}`;
    });
    return `<text x="${left - 6}" y="${index * row + row / 2 + 4}" text-anchor="end">${escapeHtml(name)}</text>${parts.join('')}`;
  });
  return `<svg width="${box.width}" height="${box.height}">${bars.join('')}${timeAxis(box, box.height, x)}</svg>`;
}

/** Returns a heat map of a histogram as SVG. Prometheus counts cumulatively; a cell shows one bucket. */
export function heatmapHtml(panel: Panel, series: readonly Series[], box: Box, stepSeconds: number): string {
  const bounds = series
    .filter(({ labels }) => labels['le'] !== '+Inf')
    .sort((one, other) => Number(one.labels['le']) - Number(other.labels['le']));
  if (bounds.length === 0)
    return `<div class="empty">${panel.fieldConfig?.defaults.noValue ?? 'no data'}</div>`;
  const row = (box.height - axisHeight) / bounds.length;
  const x = (seconds: number): number =>
    axisWidth + ((seconds - box.from) / (box.to - box.from)) * (box.width - axisWidth - 6);
  const below = new Map<number, number>();
  const cells: { at: number; index: number; count: number }[] = [];
  for (const [index, { samples }] of bounds.entries()) {
    for (const [at, value] of samples) {
      cells.push({ at, index, count: Math.max(0, value - (below.get(at) ?? 0)) });
      below.set(at, value);
    }
  }
  const most = Math.max(...cells.map(({ count }) => count), 1e-9);
  const rects = cells
    .filter(({ count }) => count > 0)
    .map(
      ({ at, index, count }) =>
        `<rect x="${x(at)}" y="${(bounds.length - 1 - index) * row}" width="${Math.max(1, x(at + stepSeconds) - x(at))}" height="${row}" fill="#ff9830" fill-opacity="${(0.15 + 0.85 * (count / most)).toFixed(2)}"/>`,
    );
  const labels = bounds.map(({ labels: { le = '' } }, index) =>
    index % 2 === 0
      ? `<text x="${axisWidth - 6}" y="${(bounds.length - index) * row - 2}" text-anchor="end">${formatValue(Number(le), 's')}</text>`
      : '',
  );
  return `<svg width="${box.width}" height="${box.height}">${rects.join('')}${labels.join('')}${timeAxis(box, box.height, x)}</svg>`;
}

/** Returns large values, one for each series. */
export function statHtml(panel: Panel, series: readonly NamedSeries[]): string {
  const options = fieldOptions(panel);
  const tiles = series.flatMap(({ name, samples }) => {
    const value = samples.map(([, each]) => each).findLast(Number.isFinite);
    if (value === undefined) return [];
    const { text, color } = shownValue(value, options);
    const isName = panel.options.textMode === 'name';
    const title = !isName && series.length > 1 ? `<small>${escapeHtml(name)}</small>` : '';
    return [`<div style="color:${color}">${title}<b>${escapeHtml(isName ? name : text)}</b></div>`];
  });
  if (tiles.length === 0)
    return `<div class="empty">${panel.fieldConfig?.defaults.noValue ?? 'no data'}</div>`;
  return `<div class="stat n${Math.min(tiles.length, 8)}">${tiles.join('')}</div>`;
}
