/**
 * Records the samples of one package as golden bytes in `libs/PACKAGE/test/golden/NAME`. It runs
 * `libs/PACKAGE/test/golden/record.ts` with the encoders of this repository. It never replaces a recording.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundleOptions } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = readdirSync(join(root, 'libs')).filter((name) => existsSync(recorderOf(name)));

const usage = `record-golden: records the samples of a package as golden bytes that later versions must decode

  node scripts/record-golden.mjs PACKAGE NAME

  PACKAGE   one of ${packages.join(', ')}
  NAME      a new name: the format version or the release that wrote the bytes, for instance frame-2

Run it when a sample is new or when a format version is new. Commit the new folder beside the older ones.
A recording is never replaced: later versions must still decode the bytes that earlier versions wrote.
`;

function recorderOf(name) {
  return join(root, 'libs', name, 'test/golden/record.ts');
}

function fail(sentence, status) {
  process.stderr.write(`record-golden: ${sentence}\n`);
  process.exit(status);
}

const [name = '', recording = '', ...rest] = process.argv.slice(2);
if (name === '--help' || name === '-h') {
  process.stdout.write(usage);
  process.exit(0);
}
if (!packages.includes(name) || !/^[\w.-]+$/.test(recording) || rest.length > 0) {
  process.stderr.write(usage);
  process.exit(2);
}
const folder = join(root, 'libs', name, 'test/golden', recording);
if (existsSync(folder)) {
  fail(`${folder} exists: a recording is never replaced; choose another name`, 2);
}
const bundle = join(root, 'dist/golden', `${name}.mjs`);
await build({ entryPoints: [recorderOf(name)], outfile: bundle, ...bundleOptions, sourcemap: false });
mkdirSync(folder);
const { status } = spawnSync(process.execPath, [bundle, folder], { stdio: 'inherit' });
if (status !== 0) {
  rmSync(folder, { recursive: true, force: true });
  fail(`the recorder of ${name} failed; nothing was recorded`, 1);
}
process.stderr.write(`recorded ${folder}\n`);
