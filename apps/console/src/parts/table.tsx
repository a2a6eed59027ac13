import type { ComponentChildren } from 'preact';

export interface Column<Row> {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly isNumber?: boolean;
  /** Long text of this column wraps. */
  readonly isText?: boolean;
  /** A topic or filter: it wraps at any character. */
  readonly isName?: boolean;
}

export interface Selection {
  readonly chosen: ReadonlySet<string>;
  readonly change: (chosen: ReadonlySet<string>) => void;
  /** What a row is, for the labels of the check boxes. */
  readonly what: string;
}

/** A table that scrolls sideways on a narrow screen. The first column names the row and stays visible. */
export function Table<Row>({
  caption,
  columns,
  rows,
  rowKey,
  selection,
  rowClass,
}: {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  selection?: Selection | undefined;
  rowClass?: (row: Row) => string | undefined;
}) {
  const keys = rows.map(rowKey);
  const isAll = selection !== undefined && keys.length > 0 && keys.every((key) => selection.chosen.has(key));
  return (
    <div class="table-frame" role="region" aria-label={caption} tabIndex={0}>
      <table class="table">
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {selection !== undefined && (
              <th scope="col" class="cell-check">
                <input
                  type="checkbox"
                  aria-label={`Choose every ${selection.what} on this page`}
                  checked={isAll}
                  onChange={() => selection.change(new Set(isAll ? [] : keys))}
                />
              </th>
            )}
            {columns.map((column) => (
              <th key={column.key} scope="col" class={column.isNumber ? 'cell-number' : undefined}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} class={rowClass?.(row)}>
              {selection !== undefined && (
                <td class="cell-check">
                  <input
                    type="checkbox"
                    aria-label={`Choose ${selection.what} ${rowKey(row)}`}
                    checked={selection.chosen.has(rowKey(row))}
                    onChange={() => selection.change(toggled(selection.chosen, rowKey(row)))}
                  />
                </td>
              )}
              {columns.map((column, index) => cell(column, row, index === 0))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function cell<Row>(column: Column<Row>, row: Row, isFirst: boolean) {
  const kind = classOf(column);
  return isFirst ? (
    <th key={column.key} scope="row" class={kind}>
      {column.cell(row)}
    </th>
  ) : (
    <td key={column.key} class={kind}>
      {column.cell(row)}
    </td>
  );
}

function classOf<Row>({ isNumber, isText, isName }: Column<Row>): string | undefined {
  if (isNumber) return 'cell-number';
  if (isText) return 'cell-text';
  return isName ? 'cell-name' : undefined;
}

function toggled(chosen: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(chosen);
  if (!next.delete(key)) next.add(key);
  return next;
}
