/**
 * Runs the tests of all projects through nx and gathers what each reports (scripts/jest-totals.mjs). Node can deadlock
 * on its way out, after everything is done (nodejs/node#54918: a compiler thread waits for the main thread, which waits
 * for the compiler), and nx then waits for ever. What has reported its result and does not end is killed; its result
 * counts.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const pollMs = 1_000;
/** Longer than a reporter gives open handles: only what has no event loop any more lives until then. */
const endMsMax = 60_000;
/** A bound against hanging, far beyond what all the tests take. */
const allMsMax = 30 * 60_000;
/** What nx may take to end its tasks when it is told to. */
const stopMsMax = 10_000;

/** @returns whether there is such a process. */
function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/** By folder: `{pid, success, passed, failed}`, and `status` once it has ended. */
function readResults(file) {
  const results = new Map();
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  for (const line of lines.filter((text) => text.endsWith('}'))) {
    const { folder, ...told } = JSON.parse(line);
    results.set(folder, { ...results.get(folder), ...told });
  }
  return results;
}

/** Kills what is done and does not end. */
class Watch {
  #deadlines = new Map();
  killed = new Set();

  /** @param done what could have ended by now, by its process id: what to call it */
  look(done) {
    for (const [pid, name] of done) {
      const deadline = this.#deadlines.get(pid) ?? performance.now() + endMsMax;
      this.#deadlines.set(pid, deadline);
      if (performance.now() < deadline || this.killed.has(pid) || !signal(pid, 'SIGKILL')) continue;
      this.killed.add(pid);
      process.stdout.write(`${name}: done, but its process ${pid} does not end: killed\n`);
    }
  }
}

/**
 * @param command the arguments of node that start nx
 * @param options for `spawn`: cwd and env
 * @param projects how many must report
 * @returns {Promise<{ok: boolean, passed: number, failed: number}>} counts of tests; `ok` when each project has passed
 */
export async function runJestProjects(command, options, projects) {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-test-'));
  const file = join(folder, 'totals.jsonl');
  const env = { ...options.env, JEST_TOTALS_FILE: file };
  const nx = spawn(process.execPath, command, { ...options, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const watch = new Watch();
  const stopAtMs = performance.now() + allMsMax;
  const poll = setInterval(() => {
    const results = readResults(file);
    const done = new Map();
    for (const [name, { pid, status }] of results) if (status === undefined) done.set(pid, name);
    if (done.size === 0 && results.size === projects) done.set(nx.pid, 'nx');
    watch.look(done);
    if (performance.now() < stopAtMs) return;
    clearInterval(poll);
    process.stdout.write(`the tests are not done after ${allMsMax / 60_000} minutes: stopped\n`);
    nx.kill('SIGTERM');
    setTimeout(() => nx.kill('SIGKILL'), stopMsMax).unref();
  }, pollMs);
  const nxStatus = await new Promise((resolve) => {
    nx.once('exit', resolve);
    nx.once('error', (error) => {
      process.stdout.write(`${error.message}\n`);
      resolve(null);
    });
  });
  clearInterval(poll);

  const results = [...readResults(file).values()];
  rmSync(folder, { recursive: true, force: true });
  if (results.length !== projects)
    process.stdout.write(`${results.length} of ${projects} projects have reported\n`);
  const hasPassed = ({ success, status, pid }) => success && (status === 0 || watch.killed.has(pid));
  const ok =
    results.length === projects && results.every(hasPassed) && (nxStatus === 0 || watch.killed.size > 0);
  const sum = (count) => results.reduce((total, result) => total + result[count], 0);
  return { ok, passed: sum('passed'), failed: sum('failed') };
}
