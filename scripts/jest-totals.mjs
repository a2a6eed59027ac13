import { appendFileSync } from 'node:fs';

/**
 * Longest time from the end of the tests to the end of Jest. A longer time means that an open handle keeps the event
 * loop alive.
 */
const openHandlesMsMax = 20_000;

/**
 * A Jest reporter for `npm test`. It appends the result of each project, and later the exit status of its process, to the file
 * in the environment variable JEST_TOTALS_FILE. A project fails if an open handle of its tests keeps Jest from ending.
 */
export default class JestTotals {
  onRunComplete(_contexts, results) {
    const file = process.env.JEST_TOTALS_FILE;
    if (!file) return;
    const append = (line) =>
      appendFileSync(file, `${JSON.stringify({ folder: process.cwd(), pid: process.pid, ...line })}\n`);
    // A test file that cannot be loaded contains no failed tests, so it is counted separately.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // Jest sets its own success flag only after this call, so the reporter computes it.
    const success = failed === 0 && !results.snapshot.failure && !results.wasInterrupted;
    const skipped = results.testResults.flatMap((suite) =>
      suite.testResults.filter(({ status }) => status === 'pending').map(({ fullName }) => fullName),
    );
    append({ success, passed: results.numPassedTests, failed, skipped });
    // This exit listener must run after Jest's exit listener, which sets the exit status.
    setImmediate(() => process.once('exit', () => append({ status: process.exitCode ?? 0 })));
    setTimeout(() => {
      const open = process.getActiveResourcesInfo().join(', ');
      process.stderr.write(`the tests left open handles that keep Jest from ending: ${open}\n`);
      process.exit(1);
    }, openHandlesMsMax).unref();
  }
}
