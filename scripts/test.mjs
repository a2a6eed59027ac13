/**
 * `npm test`: runs all tests, the type check, lint, and the checks for import cycles, for unused files, exports and
 * dependencies, and for licences.
 * If a program is not installed, the tests that need the program are skipped and listed. The last line is `N passed, N
 * failed, N skipped`, summed over all projects; the exit
 * status is 0 only when nothing failed. The script needs no terminal.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';
import { runJestProjects } from './jest-projects.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const nx = join(modules, 'nx/dist/bin/nx.js');
const parallel = '--parallel=2';
/** Longest duration of one step. Every step needs far less time; the limit only ends a step that hangs. */
const stepMsMax = 10 * 60_000;

const env = {
  ...process.env,
  NX_DAEMON: 'false',
  NX_TUI: 'false',
  CI: 'true',
  FORCE_COLOR: '0',
  NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
};

/** The steps after the tests: for each step its name, and the script and arguments that node runs. */
const steps = [
  ['type check', join(modules, 'typescript/bin/tsc'), ['-b']],
  ['lint', nx, ['run-many', '-t', 'lint', parallel, '--outputStyle=stream']],
  [
    'import cycles',
    join(modules, 'dependency-cruiser/bin/dependency-cruise.mjs'),
    ['--config', '.dependency-cruiser.json', 'libs', 'apps', 'tools', 'monitoring', 'scripts'],
  ],
  [
    'unused files, exports and dependencies',
    join(modules, 'knip/bin/knip.js'),
    ['--no-progress', '--no-config-hints'],
  ],
  ['licences', join(root, 'scripts/licences.mjs'), []],
];

/** Runs a step. @returns whether the step has passed */
function run([name, script, args]) {
  process.stdout.write(`\n== ${name}\n`);
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: stepMsMax,
    killSignal: 'SIGKILL',
    env,
  });
  const passed = result.status === 0;
  if (!passed) process.stdout.write(`${name}: failed${result.error ? `: ${result.error.message}` : ''}\n`);
  return passed;
}

function projectsWithTests() {
  const result = spawnSync(process.execPath, [nx, 'show', 'projects', '--with-target', 'test', '--json'], {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: stepMsMax,
  });
  if (result.status !== 0) throw new Error(`nx cannot list the projects:\n${result.stdout}${result.stderr}`);
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
// Nx must not take results from its cache: a cached result would not be counted.
const tests = await runJestProjects(
  [nx, 'run-many', '-t', 'test', parallel, '--skip-nx-cache', '--outputStyle=stream'],
  { cwd: root, env },
  projects,
);
const results = steps.map((step) => [step[0], run(step)]);

// If a project reported no result, the summary counts at least one failure.
const failed = tests.ok ? tests.failed : Math.max(tests.failed, 1);
const verdicts = [['tests', tests.ok], ...results].map(([name, ok]) => `${name} ${ok ? 'passed' : 'FAILED'}`);
process.stdout.write(`\n${verdicts.join('; ')}\n`);
for (const name of tests.skipped) process.stdout.write(`skipped: ${name}\n`);
process.stdout.write(`${tests.passed} passed, ${failed} failed, ${tests.skipped.length} skipped\n`);
process.exitCode = tests.ok && results.every(([, ok]) => ok) ? 0 : 1;
