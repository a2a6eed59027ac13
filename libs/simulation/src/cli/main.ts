import { isMainThread } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { runSeed } from '../run-seed.ts';
import type { RunReport } from '../run-seed.ts';
import { UsageError, readArguments } from './arguments.ts';
import type { SimulateArguments } from './arguments.ts';
import { memberCountOf, runSeeds, runWorker } from './worker-pool.ts';
import { Progress } from './progress.ts';

const progressMs = 3_000;
const relevantLinesMax = 60;

/** Matches the trace lines of {@link runSeed} about members, disks and links. */
const machineLines =
  /^ *[\d.]+ (start|kill|power|pause|resume|wipe|disk|page|flip|partition|cut|restore|heal|all|\w leads|\w does not)/;

/** Runs a failed seed again with a trace, and prints the lines that concern the first violation. */
function explain(report: RunReport, members: number, { pageFaults, links }: SimulateArguments): void {
  const lines: string[] = [];
  runSeed({ seed: report.seed, members, pageFaults, links, trace: (line) => lines.push(line) });
  console.log(
    `\nSEED ${report.seed} FAILED (${members} members); to repeat it: npm run simulate -- --seed ${report.seed}` +
      `${pageFaults ? ' --page-faults' : ''}${links ? ' --links' : ''} --trace`,
  );
  for (const violation of report.violations) console.log(`  ${violation.promise}: ${violation.text}`);
  const [first] = report.violations;
  if (first === undefined) return;
  const isRelevant = (line: string): boolean =>
    machineLines.test(line) ||
    (first.publication !== undefined && line.includes(`#${first.publication} `)) ||
    (first.client !== undefined && first.publication === undefined && line.includes(` ${first.client} `));
  const relevant = lines.filter(isRelevant);
  console.log(
    `  relevant trace lines (last ${relevantLinesMax} of ${relevant.length}; the whole trace has ${lines.length}):`,
  );
  for (const line of relevant.slice(-relevantLinesMax)) console.log(`    ${line}`);
}

async function run(options: SimulateArguments): Promise<Progress> {
  const progress = new Progress(() => performance.now());
  if (options.trace) {
    const { first: seed, pageFaults, links } = options;
    const members = memberCountOf(seed, options.members);
    progress.add(runSeed({ seed, members, pageFaults, links, trace: (line) => console.log(line) }));
    return progress;
  }
  const timer = setInterval(() => console.log(progress.line()), progressMs);
  try {
    await runSeeds(options, fileURLToPath(import.meta.url), (report) => {
      progress.add(report);
      const [first] = report.violations;
      if (first !== undefined) console.log(`seed ${report.seed}: ${first.promise}: ${first.text}`);
    });
  } finally {
    clearInterval(timer);
  }
  return progress;
}

async function main(): Promise<void> {
  const options = readArguments(process.argv.slice(2));
  if (options === null) return;
  const progress = await run(options);
  console.log(progress.summary());
  const failed = progress.failed.sort((one, other) => one.seed - other.seed);
  const [first] = failed;
  if (first === undefined) return;
  process.exitCode = 1;
  explain(first, memberCountOf(first.seed, options.members), options);
  if (failed.length > 1) console.log(`failed seeds: ${failed.map(({ seed }) => seed).join(' ')}`);
}

if (!isMainThread) runWorker();
else {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
