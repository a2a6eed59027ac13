import { TableCellDisplayMode } from '@grafana/grafana-foundation-sdk/common';
import { FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard';
import type { DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { cellLinks, mapping, thresholds } from './field-options.ts';
import type { PanelSpec, TableColumn } from './model.ts';

/** Returns a panel with one line for each member and one column for each query or label. */
export function rowsPanel(
  title: string,
  description: string,
  columns: readonly TableColumn[],
  height: number,
): PanelSpec {
  const queries = columns.flatMap(({ expr }) => (expr === undefined ? [] : [{ expr, legend: '' }]));
  return {
    kind: 'rows',
    title,
    description,
    unit: 'none',
    queries,
    width: 24,
    height,
    tableColumns: columns,
  };
}

/** Grafana merges the results of all queries by their common labels `site` and `member`. */
export function rowsTable(columns: readonly TableColumn[]): Table {
  const placed = placeColumns(columns);
  const panel = new Table().transformations([
    { id: 'merge', options: {} },
    {
      id: 'organize',
      options: {
        excludeByName: Object.fromEntries(['Time', ...placed.hidden].map((name) => [name, true])),
        indexByName: Object.fromEntries(placed.shown.map(([field], index) => [field, index])),
        renameByName: Object.fromEntries(placed.shown.map(([field, { title }]) => [field, title])),
      },
    },
  ]);
  for (const [, column] of placed.shown) {
    const properties = columnProperties(column);
    if (properties.length > 0) panel.overrideByName(column.title, properties);
  }
  return panel;
}

/** Returns the name that Grafana gives to the field of each column, and the fields that it must not show. */
function placeColumns(columns: readonly TableColumn[]): {
  readonly shown: readonly (readonly [field: string, TableColumn])[];
  readonly hidden: readonly string[];
} {
  const hidden: string[] = [];
  let queries = 0;
  const shown = columns.map((column) => {
    const value = `Value #${String.fromCharCode('A'.charCodeAt(0) + queries)}`;
    if (column.expr !== undefined) queries++;
    if (column.label === undefined) return [value, column] as const;
    if (column.expr !== undefined) hidden.push(value);
    return [column.label, column] as const;
  });
  return { shown, hidden };
}

const cellTypes = {
  background: { type: TableCellDisplayMode.ColorBackground, mode: 'basic' },
  gauge: { type: TableCellDisplayMode.Gauge, mode: 'basic' },
  text: { type: TableCellDisplayMode.ColorText },
} as const;

function columnProperties(column: TableColumn): DynamicConfigValue[] {
  const properties: DynamicConfigValue[] = [];
  const add = (id: string, value: unknown): void => void properties.push({ id, value });
  if (column.unit !== undefined) add('unit', column.unit);
  if (column.decimals !== undefined) add('decimals', column.decimals);
  if (column.width !== undefined) add('custom.width', column.width);
  if (column.valueTexts !== undefined) add('mappings', [mapping(column.valueTexts)]);
  if (column.thresholds !== undefined) {
    add('color', { mode: FieldColorModeId.Thresholds });
    add('thresholds', thresholds(column.thresholds).build());
  }
  if (column.thresholds !== undefined || column.valueTexts !== undefined)
    add('custom.cellOptions', cellTypes[column.cell ?? 'text']);
  if (column.cell === 'gauge') {
    add('min', 0);
    add('max', 1);
  }
  if (column.links !== undefined) properties.push(cellLinks(column.links));
  return properties;
}
