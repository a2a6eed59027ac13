import { appendFileSync } from 'node:fs';

/** Jest itself warns after one second. An event loop that is still alive after this time keeps Jest from ending. */
const openHandlesMsMax = 20_000;

/**
 * A Jest reporter for `npm test`. It appends the result of each project, and later the exit status of its process, to the file
 * that JEST_TOTALS_FILE names. A project whose tests left an open handle that keeps Jest from ending fails.
 */
export default class JestTotals {
  onRunComplete(_contexts, results) {
    const file = process.env.JEST_TOTALS_FILE;
    if (!file) return;
    const append = (line) =>
      appendFileSync(file, `${JSON.stringify({ folder: process.cwd(), pid: process.pid, ...line })}\n`);
    // A suite that cannot be loaded has no failed tests of its own.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // Jest sets its own success flag only after this call.
    const success = failed === 0 && !results.snapshot.failure && !results.wasInterrupted;
    const skipped = results.testResults.flatMap((suite) =>
      suite.testResults.filter(({ status }) => status === 'pending').map(({ fullName }) => fullName),
    );
    append({ success, passed: results.numPassedTests, failed, skipped });
    // This listener runs after the one of Jest, which sets the exit status.
    setImmediate(() => process.once('exit', () => append({ status: process.exitCode ?? 0 })));
    setTimeout(() => {
      const open = process.getActiveResourcesInfo().join(', ');
      process.stderr.write(`the tests left open handles that keep Jest from ending: ${open}\n`);
      process.exit(1);
    }, openHandlesMsMax).unref();
  }
}
