import type { PanelQuery, PanelSpec } from './model.ts';

export function query(expr: string, legend: string): PanelQuery {
  return { expr, legend };
}

type Rest = Omit<PanelSpec, 'kind' | 'title' | 'unit' | 'description' | 'queries' | 'width'> & {
  readonly width?: number;
};

/** Lines over time, from 0 up; three fit into a row. */
export function graph(
  title: string,
  unit: PanelSpec['unit'],
  description: string,
  queries: readonly PanelQuery[],
  rest: Rest = {},
): PanelSpec {
  return { kind: 'timeseries', title, unit, description, queries, width: 8, height: 8, min: 0, ...rest };
}

/** The newest value; six fit into a row. */
export function stat(
  title: string,
  unit: PanelSpec['unit'],
  description: string,
  queries: readonly PanelQuery[],
  rest: Rest = {},
): PanelSpec {
  return { kind: 'stat', title, unit, description, queries, width: 4, thresholds: [[null, 'text']], ...rest };
}
