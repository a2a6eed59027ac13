import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const workspaceFolders = ['apps', 'libs', 'tools', 'monitoring'];
const ignored = new Set(['node_modules', 'dist', 'golden']);

export interface TestFile {
  /** Path below the root of the repository, with slashes. */
  readonly path: string;
  readonly source: string;
}

/**
 * Reads every TypeScript file in the `test` folders of the repository. Files that hold shared tests, such as the suite
 * of a contract, count as well: their names are those of tests that other files run.
 */
export function readTestFiles(root: string): TestFile[] {
  const files = workspaceFolders.flatMap((folder) => filesBelow(root, folder, false));
  return files.sort().map((path) => ({ path, source: readFileSync(join(root, path), 'utf8') }));
}

function filesBelow(root: string, folder: string, inTests: boolean): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((item) => {
    const path = `${folder}/${item.name}`;
    if (item.isDirectory()) {
      if (ignored.has(item.name)) return [];
      return filesBelow(root, path, inTests || item.name === 'test');
    }
    return (inTests && path.endsWith('.ts')) || path.endsWith('.test.ts') ? [path] : [];
  });
}
