import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runSeed } from './run-seed.ts';
import type { RunReport } from './run-seed.ts';

interface Arguments {
  readonly first: number;
  readonly seeds: number;
  readonly members: number | null;
  readonly workers: number;
  readonly trace: boolean;
  readonly keepGoing: boolean;
}

interface WorkerArguments {
  readonly first: number;
  readonly seeds: number;
  readonly step: number;
  readonly members: number | null;
}

const progressEverySeeds = 50;
const historyLinesMax = 60;

const help = `Runs the cluster against seeded disasters.
  --seeds N      how many seeds (1000)
  --first K      the first of them (1)
  --seed K       only this one
  --members N    1 to 7 (mostly 7, by seed)
  --workers N    threads (1)
  --trace        with --seed: everything that happens
  --keep-going   do not stop at the first failure`;

/** Most runs have seven members; some have fewer, down to one. */
function membersOf(seed: number, members: number | null): number {
  if (members !== null) return members;
  return seed % 10 === 0 ? 1 + (Math.floor(seed / 10) % 6) : 7;
}

function readArguments(): Arguments | null {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      first: { type: 'string', default: '1' },
      seed: { type: 'string' },
      members: { type: 'string' },
      workers: { type: 'string', default: '1' },
      trace: { type: 'boolean', default: false },
      'keep-going': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  return {
    first: Number(values.seed ?? values.first),
    seeds: values.seed === undefined ? Number(values.seeds) : 1,
    members: values.members === undefined ? null : Number(values.members),
    workers: Number(values.workers),
    trace: values.trace,
    keepGoing: values['keep-going'],
  };
}

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
  const machines = /^ *[\d.]+ (start|kill|power|pause|wake|wipe|disk|partition|cut|join|heal|all|\w leads)/;
  const concerns = (line: string): boolean =>
    machines.test(line) ||
    (first.publication !== undefined && line.includes(`#${first.publication} `)) ||
    (first.client !== undefined && first.publication === undefined && line.includes(` ${first.client} `));
  const relevant = lines.filter(concerns);
  console.log(`  history (${relevant.length} of ${lines.length} lines):`);
  for (const line of relevant.slice(-historyLinesMax)) console.log(`    ${line}`);
}

function work(data: WorkerArguments): void {
  for (let seed = data.first; seed < data.first + data.seeds; seed += data.step) {
    parentPort?.postMessage(runSeed({ seed, members: membersOf(seed, data.members) }));
  }
}

class Progress {
  readonly totals = new Map<string, number>();
  readonly failed: RunReport[] = [];
  #done = 0;
  #slowestHealMs = 0;
  readonly #startedAtMs = performance.now();

  add(report: RunReport): void {
    this.#done += 1;
    this.#slowestHealMs = Math.max(this.#slowestHealMs, report.healedMs);
    for (const [name, count] of report.counters) this.totals.set(name, (this.totals.get(name) ?? 0) + count);
    if (report.violations.length > 0) {
      this.failed.push(report);
      const [first] = report.violations;
      console.log(`seed ${report.seed}: ${first?.promise}: ${first?.text}`);
    }
    if (this.#done % progressEverySeeds === 0) this.print();
  }

  print(): void {
    const seconds = ((performance.now() - this.#startedAtMs) / 1_000).toFixed(1);
    const named = [
      'virtual seconds',
      'messages',
      'deliveries',
      'connections',
      'kills',
      'partitions',
      'power cuts',
    ];
    const totals = named.map((name) => `${this.totals.get(name) ?? 0} ${name}`).join(', ');
    console.log(`${this.#done} seeds in ${seconds} s, ${this.failed.length} failed: ${totals}`);
  }

  printAll(): void {
    this.print();
    console.log(`slowest heal ${this.#slowestHealMs.toFixed(0)} ms`);
    for (const [name, count] of [...this.totals].sort())
      console.log(`  ${String(count).padStart(10)} ${name}`);
  }
}

function runHere(parsed: Arguments, progress: Progress): void {
  for (let seed = parsed.first; seed < parsed.first + parsed.seeds; seed += 1) {
    const members = membersOf(seed, parsed.members);
    const trace = parsed.trace ? { trace: (line: string): void => console.log(line) } : {};
    progress.add(runSeed({ seed, members, ...trace }));
    if (progress.failed.length > 0 && !parsed.keepGoing) return;
  }
}

async function runInWorkers(parsed: Arguments, progress: Progress): Promise<void> {
  const threads: Worker[] = [];
  const ended: Promise<unknown>[] = [];
  for (let number = 0; number < parsed.workers; number += 1) {
    const data: WorkerArguments = {
      first: parsed.first + number,
      seeds: parsed.seeds - number,
      step: parsed.workers,
      members: parsed.members,
    };
    const thread = new Worker(fileURLToPath(import.meta.url), { workerData: data });
    threads.push(thread);
    thread.on('message', (report: RunReport) => {
      progress.add(report);
      if (report.violations.length > 0 && !parsed.keepGoing)
        for (const other of threads) void other.terminate();
    });
    ended.push(new Promise((resolve) => thread.once('exit', resolve)));
  }
  await Promise.all(ended);
}

async function main(): Promise<void> {
  const parsed = readArguments();
  if (parsed === null) {
    console.log(help);
    return;
  }
  const progress = new Progress();
  if (parsed.workers > 1 && parsed.seeds > 1) await runInWorkers(parsed, progress);
  else runHere(parsed, progress);
  progress.printAll();
  const failed = progress.failed.sort((one, other) => one.seed - other.seed);
  const [first] = failed;
  if (first === undefined) return;
  explain(first, membersOf(first.seed, parsed.members));
  if (failed.length > 1) console.log(`failed seeds: ${failed.map(({ seed }) => seed).join(' ')}`);
  process.exitCode = 1;
}

if (isMainThread) await main();
else work(workerData as WorkerArguments);
