import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards, renderDashboard } from './index.ts';

/** Writes the dashboards' JSON into the folder given as the only argument. */
const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('generate: no output folder given; usage: generate FOLDER\n');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
for (const spec of dashboards) {
  const path = join(folder, `${spec.uid}.json`);
  writeFileSync(path, renderDashboard(spec));
  process.stdout.write(`${path}\n`);
}
