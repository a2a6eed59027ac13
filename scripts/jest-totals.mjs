import { appendFileSync } from 'node:fs';

/** Appends each project's counts to the file that JEST_TOTALS_FILE names, for `npm test` to sum. */
export default class JestTotals {
  onRunComplete(_contexts, results) {
    const file = process.env.JEST_TOTALS_FILE;
    if (!file) return;
    const totals = {
      passed: results.numPassedTests,
      // A suite that can't even be loaded has no failed tests of its own.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
    };
    appendFileSync(file, `${JSON.stringify(totals)}\n`);
  }
}
