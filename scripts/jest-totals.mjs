import { appendFileSync } from 'node:fs';

/** Jest itself warns after one second; an event loop that is still alive after this one has been given its chance. */
const openHandlesMsMax = 20_000;

/**
 * A Jest reporter for `npm test`: appends the result of each project, and later the status it ends with, to the file that
 * JEST_TOTALS_FILE names. A project whose tests left something open that keeps Jest from ending fails, instead of waiting
 * for ever.
 */
export default class JestTotals {
  onRunComplete(_contexts, results) {
    const file = process.env.JEST_TOTALS_FILE;
    if (!file) return;
    const tell = (line) =>
      appendFileSync(file, `${JSON.stringify({ folder: process.cwd(), pid: process.pid, ...line })}\n`);
    // A suite that can't even be loaded has no failed tests of its own.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // Jest makes up its mind only later.
    const success = failed === 0 && !results.snapshot.failure && !results.wasInterrupted;
    tell({ success, passed: results.numPassedTests, failed });
    // After that of Jest, which sets the status.
    setImmediate(() => process.once('exit', () => tell({ status: process.exitCode ?? 0 })));
    setTimeout(() => {
      const open = process.getActiveResourcesInfo().join(', ');
      process.stderr.write(`the tests left something open that keeps Jest from ending: ${open}\n`);
      process.exit(1);
    }, openHandlesMsMax).unref();
  }
}
