/**
 * Installs the npm dependencies if they are missing or belong to another version of package-lock.json. The script has no
 * dependencies, so that `npm start` and `npm test` work in a fresh clone. The script prints only to
 * stderr; stdout is left to the caller.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.mqtt-cluster-lock');

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

/**
 * Returns whether node_modules already has the versions of package-lock.json, from a manual `npm install`.
 * Compares with the lock file that npm keeps in node_modules.
 */
function installedByHand() {
  const hidden = join(modules, '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages ?? {};
  const present = JSON.parse(readFileSync(hidden, 'utf8')).packages ?? {};
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional === true || present[path]?.version === entry.version,
  );
}

/** Runs `npm ci` if it is needed. Throws an Error if npm fails. */
export function ensureDependencies() {
  const hash = lockHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  if (installedByHand()) {
    writeFileSync(stamp, hash);
    return;
  }
  const why = existsSync(modules) ? 'package-lock.json has changed' : 'node_modules is missing';
  process.stderr.write(`${why}: running npm ci, which takes about a minute\n`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--include=dev'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) {
    throw new Error(
      `npm ci failed with status ${result.status ?? result.signal}: see its output above, and run it again`,
    );
  }
  writeFileSync(stamp, hash);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    ensureDependencies();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
