import type { PanelQuery, PanelSpec, Thresholds } from './model.ts';

export function query(expr: string, legend: string): PanelQuery {
  return { expr, legend };
}

type PanelOptions = Omit<PanelSpec, 'kind' | 'title' | 'unit' | 'description' | 'queries' | 'width'> & {
  readonly width?: number;
};

/** Returns a panel with lines over time, from 0 up. Three fit into a row. */
export function graph(
  title: string,
  unit: PanelSpec['unit'],
  description: string,
  queries: readonly PanelQuery[],
  options: PanelOptions = {},
): PanelSpec {
  return { kind: 'timeseries', title, unit, description, queries, width: 8, height: 8, min: 0, ...options };
}

/** Returns a panel with the last value. Six fit into a row. */
export function stat(
  title: string,
  unit: PanelSpec['unit'],
  description: string,
  queries: readonly PanelQuery[],
  options: PanelOptions = {},
): PanelSpec {
  return {
    kind: 'stat',
    title,
    unit,
    description,
    queries,
    width: 4,
    thresholds: [[null, 'text']],
    ...options,
  };
}

/** Returns thresholds that draw a dashed red line at the bound of an alert. */
export function alertLine(bound: number): Thresholds {
  return [
    [null, 'green'],
    [bound, 'red'],
  ];
}
