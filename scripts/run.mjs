/**
 * `node scripts/run.mjs NAME [arguments]`: installs missing dependencies, builds the bundles, then runs the
 * bundle NAME in this process. The script itself does not print to stdout.
 */
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';
import { build } from './build.mjs';

const [name, ...rest] = process.argv.slice(2);
const bundle = join(fileURLToPath(new URL('../dist', import.meta.url)), `${name}.mjs`);
try {
  ensureDependencies();
  await build();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
process.argv = [process.argv[0], bundle, ...rest];
await import(pathToFileURL(bundle).href);
