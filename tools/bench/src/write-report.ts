import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a report into a folder: its text as `NAME.md` and its data as `NAME.json`. */
export function writeReport(folder: string, name: string, text: string, content: unknown): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.md`), text);
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(content, null, 1)}\n`);
}
