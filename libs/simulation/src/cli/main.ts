import { isMainThread } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { runSeed } from '../run-seed.ts';
import type { RunReport } from '../run-seed.ts';
import { UsageError, readArguments } from './arguments.ts';
import type { SimulateArguments } from './arguments.ts';
import { membersOf, runSeeds, work } from './worker-pool.ts';
import { Progress } from './progress.ts';

const progressMs = 3_000;
const historyLinesMax = 60;

/** What happened to machines and links, as {@link runSeed} traces it. */
const machineLines =
  /^ *[\d.]+ (start|kill|power|pause|wake|wipe|disk|a bit|partition|cut|join|heal|all|\w leads|\w does not)/;

/** A failed run once more, this time listening: the lines that concern what was violated. */
function explain(report: RunReport, members: number): void {
  const lines: string[] = [];
  runSeed({ seed: report.seed, members, trace: (line) => lines.push(line) });
  console.log(
    `\nSEED ${report.seed} FAILED (${members} members); again: npm run simulate -- --seed ${report.seed} --trace`,
  );
  for (const violation of report.violations) console.log(`  ${violation.promise}: ${violation.text}`);
  const [first] = report.violations;
  if (first === undefined) return;
  const concerns = (line: string): boolean =>
    machineLines.test(line) ||
    (first.publication !== undefined && line.includes(`#${first.publication} `)) ||
    (first.client !== undefined && first.publication === undefined && line.includes(` ${first.client} `));
  const relevant = lines.filter(concerns);
  console.log(`  history (${relevant.length} of ${lines.length} lines):`);
  for (const line of relevant.slice(-historyLinesMax)) console.log(`    ${line}`);
}

async function run(options: SimulateArguments): Promise<Progress> {
  const progress = new Progress(() => performance.now());
  if (options.trace) {
    const members = membersOf(options.first, options.members);
    progress.add(runSeed({ seed: options.first, members, trace: (line) => console.log(line) }));
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
  explain(first, membersOf(first.seed, options.members));
  if (failed.length > 1) console.log(`failed seeds: ${failed.map(({ seed }) => seed).join(' ')}`);
}

if (!isMainThread) work();
else {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
