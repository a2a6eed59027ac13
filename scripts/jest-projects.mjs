/**
 * Runs the tests of all projects through nx and adds up the results that each project reports (scripts/jest-totals.mjs). A
 * Node process can deadlock at its exit (nodejs/node#54918: a compiler thread and the main thread wait for each other), and
 * nx then waits forever. This script kills a process that has reported its result and does not exit. The result that the
 * process has reported remains valid.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const pollMs = 1_000;
/**
 * Longest time from the result of a project to the exit of its process. It is longer than the time for which the reporter
 * waits for open handles (scripts/jest-totals.mjs).
 */
const exitMsMax = 60_000;
/** Longest duration of all tests together. The tests need far less time; the limit only ends tests that hang. */
const allMsMax = 30 * 60_000;
/** Time from SIGTERM to SIGKILL, in which nx can end its tasks. */
const terminateMsMax = 10_000;

/** Sends a signal to a process. @returns whether the process exists. */
function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads the reported results.
 * @returns for each folder `{pid, success, passed, failed, skipped}`, and `status` if its process has exited
 */
function readResults(file) {
  const results = new Map();
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  for (const line of lines.filter((text) => text.endsWith('}'))) {
    const { folder, ...result } = JSON.parse(line);
    results.set(folder, { ...results.get(folder), ...result });
  }
  return results;
}

/** Kills processes that have finished their work and do not exit. */
class ExitWatch {
  #deadlines = new Map();
  /** Processes that have ended or are killed. Their ids may belong to other processes later. */
  #ended = new Set();
  killed = new Set();

  /**
   * @param finished the processes that have finished their work: a map from process id to name
   * @returns whether all of them have ended or are killed
   */
  check(finished) {
    for (const [pid, name] of finished) {
      if (this.#ended.has(pid)) continue;
      const deadline = this.#deadlines.get(pid) ?? performance.now() + exitMsMax;
      this.#deadlines.set(pid, deadline);
      const isLate = performance.now() >= deadline;
      const exists = signal(pid, isLate ? 'SIGKILL' : 0);
      if (isLate || !exists) this.#ended.add(pid);
      if (!isLate || !exists) continue;
      this.killed.add(pid);
      process.stdout.write(`${name}: finished, but its process ${pid} does not exit: killed\n`);
    }
    return [...finished.keys()].every((pid) => this.#ended.has(pid));
  }
}

/**
 * Runs the tests of all projects.
 * @param command the arguments with which node starts nx
 * @param options for `spawn`: cwd and env
 * @param projects number of projects that must report a result
 * @returns {Promise<{ok: boolean, passed: number, failed: number, skipped: string[]}>} counts of tests and the full
 * names of the
 *   skipped ones; `ok` when each project has passed
 */
export async function runJestProjects(command, options, projects) {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-test-'));
  const file = join(folder, 'totals.jsonl');
  const env = { ...options.env, JEST_TOTALS_FILE: file };
  const nx = spawn(process.execPath, command, { ...options, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const watch = new ExitWatch();
  const stopAtMs = performance.now() + allMsMax;
  const poll = setInterval(() => {
    const results = readResults(file);
    // A process can also hang after it has reported its exit status, in the cleanup of Node.js.
    const haveEnded = watch.check(new Map([...results].map(([name, { pid }]) => [pid, name])));
    if (haveEnded && results.size === projects) watch.check(new Map([[nx.pid, 'nx']]));
    if (performance.now() < stopAtMs) return;
    clearInterval(poll);
    process.stdout.write(`the tests did not finish within ${allMsMax / 60_000} minutes: stopped\n`);
    nx.kill('SIGTERM');
    setTimeout(() => nx.kill('SIGKILL'), terminateMsMax).unref();
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
    process.stdout.write(`${results.length} of ${projects} projects have reported a result\n`);
  const hasPassed = ({ success, status, pid }) => success && (status === 0 || watch.killed.has(pid));
  const ok =
    results.length === projects && results.every(hasPassed) && (nxStatus === 0 || watch.killed.size > 0);
  const sum = (count) => results.reduce((total, result) => total + result[count], 0);
  const skipped = results.flatMap((result) => result.skipped);
  return { ok, passed: sum('passed'), failed: sum('failed'), skipped };
}
