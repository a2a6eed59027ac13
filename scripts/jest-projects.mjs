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

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readResults(file) {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line));
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
  const status = new Promise((resolve) => {
    nx.once('exit', resolve);
    nx.once('error', (error) => {
      process.stdout.write(`${error.message}\n`);
      resolve(null);
    });
  });

  /** Since when each process that has reported could have ended, by its id; of nx, since the last of them has. */
  const deadlines = new Map();
  const ended = new Set();
  let killed = 0;
  const watch = setInterval(() => {
    const results = readResults(file);
    for (const { pid } of results)
      if (!ended.has(pid) && !deadlines.has(pid)) deadlines.set(pid, performance.now() + endMsMax);
    const all = new Set(results.map((result) => result.folder)).size === projects;
    if (all && deadlines.size === 0) deadlines.set(nx.pid, performance.now() + endMsMax);
    for (const [pid, deadline] of deadlines) {
      const gone = !alive(pid);
      if (!gone && performance.now() < deadline) continue;
      deadlines.delete(pid);
      ended.add(pid);
      if (gone) continue;
      const name = results.find((result) => result.pid === pid)?.folder ?? 'nx';
      process.stdout.write(`${name}: done, but its process ${pid} does not end: killed\n`);
      killed += 1;
      process.kill(pid, 'SIGKILL');
    }
  }, pollMs);
  const nxStatus = await status;
  clearInterval(watch);

  const results = readResults(file);
  rmSync(folder, { recursive: true, force: true });
  const reported = new Set(results.map((result) => result.folder)).size;
  if (reported !== projects) process.stdout.write(`${reported} of ${projects} projects have reported\n`);
  const sum = (count) => results.reduce((total, result) => total + result[count], 0);
  const ok =
    reported === projects && results.every(({ success }) => success) && (nxStatus === 0 || killed > 0);
  return { ok, passed: sum('passed'), failed: sum('failed') };
}
