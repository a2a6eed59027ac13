import { appendFileSync } from 'node:fs';

/** Jest itself warns after one second; an event loop that is still alive after this one has been given its chance. */
const openHandlesMsMax = 20_000;

/**
 * A Jest reporter: appends each project's result to the file that JEST_TOTALS_FILE names, for `npm test` to sum. A
 * project whose tests left something open that keeps Jest from ending fails, instead of waiting for ever.
 */
export default class JestTotals {
  onRunComplete(_contexts, results) {
    const file = process.env.JEST_TOTALS_FILE;
    if (!file) return;
    // A suite that can't even be loaded has no failed tests of its own.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const totals = {
      folder: process.cwd(),
      pid: process.pid,
      // Jest makes up its mind only later.
      success: failed === 0 && !results.snapshot.failure && !results.wasInterrupted,
      passed: results.numPassedTests,
      failed,
    };
    appendFileSync(file, `${JSON.stringify(totals)}\n`);
    setTimeout(() => {
      const open = process.getActiveResourcesInfo().join(', ');
      process.stderr.write(`the tests left something open that keeps Jest from ending: ${open}\n`);
      appendFileSync(file, `${JSON.stringify({ ...totals, success: false, passed: 0, failed: 1 })}\n`);
      process.exit(1);
    }, openHandlesMsMax).unref();
  }
}
