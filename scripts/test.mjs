/**
 * `npm test`: all tests, the type check and lint. The last line is `N passed, N failed`, summed over all projects;
 * the exit status is not 0 when anything failed. Needs no terminal.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';
import { runJestProjects } from './jest-projects.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const nx = join(root, 'node_modules/nx/dist/bin/nx.js');
const parallel = '--parallel=2';
/** A bound against hanging, far beyond what any step takes. */
const stepMsMax = 10 * 60_000;

const env = {
  ...process.env,
  NX_DAEMON: 'false',
  NX_TUI: 'false',
  CI: 'true',
  FORCE_COLOR: '0',
  NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
};

function run(title, script, args) {
  process.stdout.write(`\n== ${title}\n`);
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: stepMsMax,
    killSignal: 'SIGKILL',
    env,
  });
  const passed = result.status === 0;
  if (!passed) process.stdout.write(`${title}: failed${result.error ? `: ${result.error.message}` : ''}\n`);
  return passed;
}

function projectsWithTests() {
  const result = spawnSync(process.execPath, [nx, 'show', 'projects', '--with-target', 'test', '--json'], {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: stepMsMax,
  });
  if (result.status !== 0) throw new Error(`nx can't list the projects:\n${result.stdout}${result.stderr}`);
  const { length } = JSON.parse(result.stdout);
  if (length === 0) throw new Error('nx finds no project with tests');
  return length;
}

let projects = 0;
try {
  ensureDependencies();
  projects = projectsWithTests();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
process.stdout.write('\n== tests\n');
// Without the cache: a remembered result would not be counted. @nx/jest's inference needs no build first.
const tests = await runJestProjects(
  [nx, 'run-many', '-t', 'test', parallel, '--skip-nx-cache', '--outputStyle=stream'],
  { cwd: root, env },
  projects,
);
const types = run('type check', join(root, 'node_modules/typescript/bin/tsc'), ['-b']);
const lint = run('lint', nx, ['run-many', '-t', 'lint', parallel, '--outputStyle=stream']);
const dependencies = run('unused dependencies', join(root, 'node_modules/knip/bin/knip.js'), [
  '--dependencies',
  '--no-progress',
  '--no-config-hints',
]);

// A project whose Jest did not get as far as a result has failed all the same.
const failed = tests.ok ? tests.failed : Math.max(tests.failed, 1);
const say = (ok) => (ok ? 'passed' : 'FAILED');
process.stdout.write(
  `\ntests ${say(tests.ok)}, type check ${say(types)}, lint ${say(lint)}, dependencies ${say(dependencies)}\n`,
);
process.stdout.write(`${tests.passed} passed, ${failed} failed\n`);
process.exitCode = tests.ok && types && lint && dependencies ? 0 : 1;
