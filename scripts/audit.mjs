/**
 * `npm run audit`: asks the npm registry for published vulnerabilities of the packages in the lock file. A vulnerability
 * fails the run, unless `exceptions` names its advisory. Exit status: 0 no vulnerability, 1 a vulnerability or an outdated
 * exception, 3 the registry did not answer, so nothing was checked.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Accepted advisories, by the address of the advisory: why it does not apply, and the last day on which the exception
 * holds (YYYY-MM-DD). Example: `'https://github.com/advisories/GHSA-…': { reason: '…', until: '2027-03-31' }`.
 */
const exceptions = {};

/** Returns one sentence for each vulnerability of the report of `npm audit --json` that no exception accepts. */
export function auditFaults(report, accepted, today) {
  const advisories = new Map();
  for (const { via } of Object.values(report.vulnerabilities)) {
    for (const cause of via) if (typeof cause === 'object') advisories.set(cause.url, cause);
  }
  const faults = [];
  for (const [url, { name, severity, title }] of advisories) {
    const exception = accepted[url];
    if (exception === undefined) faults.push(`${name}: ${severity}: ${title} (${url})`);
    else if (exception.until < today)
      faults.push(`${name}: the exception for ${url} ended on ${exception.until}`);
  }
  for (const url of Object.keys(accepted))
    if (!advisories.has(url)) faults.push(`the exception for ${url} is no longer needed: delete it`);
  return faults;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { stdout } = spawnSync('npm', ['audit', '--json'], { cwd: root, encoding: 'utf8' });
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {
    report = {};
  }
  if (report.vulnerabilities === undefined) {
    const reason = report.message ?? report.error?.summary ?? 'npm audit printed no report';
    process.stdout.write(
      `not checked: the npm registry answers no audit request (${reason.split('\n')[0]})\n`,
    );
    process.exitCode = 3;
  } else {
    const faults = auditFaults(report, exceptions, new Date().toISOString().slice(0, 10));
    for (const fault of faults) process.stderr.write(`${fault}\n`);
    process.stdout.write(`${faults.length} vulnerabilities or outdated exceptions\n`);
    process.exitCode = faults.length === 0 ? 0 : 1;
  }
}
