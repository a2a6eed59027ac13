import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface BuiltConsole {
  readonly folder: string;
  readonly remove: () => void;
}

/** Builds the console from the sources into a folder of its own. */
export async function buildForTest(): Promise<BuiltConsole> {
  const { buildConsole } = (await import('../../../../scripts/console.mjs' as string)) as {
    buildConsole: (folder: string) => Promise<string[]>;
  };
  const folder = mkdtempSync(join(tmpdir(), 'console-'));
  await buildConsole(folder);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
