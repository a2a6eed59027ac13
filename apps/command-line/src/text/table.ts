import { printable } from './printable.ts';

/** Returns rows with aligned columns. Control characters are escaped: a client id could contain a terminal command. */
export function table(rows: readonly (readonly string[])[]): string {
  const safe = rows.map((row) => row.map(printable));
  const widths = (safe[0] ?? []).map((_, column) =>
    safe.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const lines = safe.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
