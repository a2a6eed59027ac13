/**
 * `npm test`: all tests, the type check and lint. The last line is `N passed, N failed`, summed over all projects;
 * the exit status is not 0 when anything failed. Needs no terminal.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-test-'));
const totalsFile = join(folder, 'totals.jsonl');
const parallel = '--parallel=2';

function run(title, script, args) {
  process.stdout.write(`\n== ${title}\n`);
  const result = spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      NX_DAEMON: 'false',
      NX_TUI: 'false',
      CI: 'true',
      FORCE_COLOR: '0',
      NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
      JEST_TOTALS_FILE: totalsFile,
    },
  });
  const passed = result.status === 0;
  if (!passed) process.stdout.write(`${title}: failed\n`);
  return passed;
}

function totals() {
  const lines = existsSync(totalsFile) ? readFileSync(totalsFile, 'utf8').trim().split('\n') : [];
  const sum = { passed: 0, failed: 0 };
  for (const line of lines.filter((text) => text !== '')) {
    const { passed, failed } = JSON.parse(line);
    sum.passed += passed;
    sum.failed += failed;
  }
  return sum;
}

try {
  ensureDependencies();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
// Without the cache: a remembered result would not be counted. @nx/jest's inference needs no build first.
const tests = run('tests', 'nx/dist/bin/nx.js', [
  'run-many',
  '-t',
  'test',
  parallel,
  '--skip-nx-cache',
  '--outputStyle=stream',
]);
const types = run('type check', 'typescript/bin/tsc', ['-b']);
const lint = run('lint', 'nx/dist/bin/nx.js', ['run-many', '-t', 'lint', parallel, '--outputStyle=stream']);
const dependencies = run('unused dependencies', 'knip/bin/knip.js', [
  '--dependencies',
  '--no-progress',
  '--no-config-hints',
]);

const { passed, failed } = totals();
rmSync(folder, { recursive: true, force: true });
// A project whose Jest did not get as far as a result has failed all the same.
const allFailed = tests ? failed : Math.max(failed, 1);
process.stdout.write(
  `\ntests ${tests ? 'passed' : 'FAILED'}, type check ${types ? 'passed' : 'FAILED'}, lint ${lint ? 'passed' : 'FAILED'}, dependencies ${dependencies ? 'passed' : 'FAILED'}\n`,
);
process.stdout.write(`${passed} passed, ${allFailed} failed\n`);
process.exitCode = tests && types && lint && dependencies && allFailed === 0 ? 0 : 1;
