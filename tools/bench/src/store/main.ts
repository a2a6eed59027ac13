import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, percentile } from '@mqtt-cluster/kit';
import type { LogEntry } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { damageReport } from './damage.ts';
import type { EngineLog } from './engines.ts';
import { diskBytes, engines, entryBytes } from './engines.ts';

/**
 * Compares storage engines for the store contract. It appends groups of entries and syncs each group before the next group.
 * Each engine and run has its own process. Usage: `main.mjs [runs] [directory]`, or `main.mjs damage [directory]`. The
 * directory must be on a disk, not in memory.
 */
const groupSizes = [1, 10, 100, 1000] as const;
/**
 * Number of appended groups for each size of the groups. With these numbers a run takes less than a minute and has a stable
 * median.
 */
const groupsOf: Readonly<Record<number, number>> = { 1: 1500, 10: 1000, 100: 400, 1000: 100 };
const recoveryEntries = 100_000;
const recoveryGroup = 1000;

const figuresSchema = z.object({
  /** Duration of the append of one group in milliseconds (median and 99th percentile), by size of the group. */
  groups: z.record(z.coerce.number(), z.object({ p50: z.number(), p99: z.number() })),
  recoveryMs: z.number(),
  fullMiB: z.number(),
  cutMiB: z.number(),
  cutMs: z.number(),
  residentMiB: z.number(),
});
type Figures = z.output<typeof figuresSchema>;

function entriesFrom(index: number, count: number): LogEntry[] {
  return Array.from({ length: count }, (_, offset) => ({
    index: index + offset,
    term: 1,
    kind: 'normal',
    data: Buffer.alloc(entryBytes, index + offset),
  }));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

async function measureGroups(log: EngineLog, size: number, first: number) {
  const times: number[] = [];
  for (let group = 0; group < (groupsOf[size] ?? 0); group++) {
    const entries = entriesFrom(first + group * size, size);
    times.push(await timed(() => log.append(entries)));
  }
  return { p50: percentile(times, 0.5) ?? NaN, p99: percentile(times, 0.99) ?? NaN };
}

async function measure(name: string, directory: string): Promise<Figures> {
  const engine = engines.find((candidate) => candidate.name === name);
  if (engine === undefined) throw new Error(`unknown engine ${name}`);
  let log = await engine.open(join(directory, 'groups'));
  const groups: Record<number, { p50: number; p99: number }> = {};
  let next = 1;
  for (const size of groupSizes) {
    groups[size] = await measureGroups(log, size, next);
    next += size * (groupsOf[size] ?? 0);
  }
  await log.close();

  const long = join(directory, 'long');
  log = await engine.open(long);
  for (let first = 1; first < recoveryEntries; first += recoveryGroup) {
    await log.append(entriesFrom(first, recoveryGroup));
  }
  await log.close();
  const recoveryMs = await timed(async () => {
    log = await engine.open(long);
  });
  if (log.recovered < recoveryEntries) throw new Error(`${name} recovered only ${log.recovered} entries`);
  const fullBytes = await diskBytes(long);
  const cutMs = await timed(() => log.cut(recoveryEntries - recoveryGroup));
  const cutBytes = await diskBytes(long);
  const residentBytes = process.memoryUsage().rss;
  await log.close();
  const mebibyte = 1024 * 1024;
  return {
    groups,
    recoveryMs,
    fullMiB: fullBytes / mebibyte,
    cutMiB: cutBytes / mebibyte,
    cutMs,
    residentMiB: residentBytes / mebibyte,
  };
}

function runOnce(name: string, directory: string): Figures {
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--engine', name, directory], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`${name} failed`);
  return figuresSchema.parse(JSON.parse(child.stdout));
}

function row(name: string, runs: readonly Figures[]): string {
  const of = (pick: (figures: Figures) => number, digits: number) => median(runs.map(pick)).toFixed(digits);
  const groups = groupSizes.map((size) => {
    const middle = of((figures) => figures.groups[size]?.p50 ?? Number.NaN, 2);
    return `${middle} / ${of((figures) => figures.groups[size]?.p99 ?? Number.NaN, 2)}`;
  });
  const rest = [
    of((figures) => figures.recoveryMs, 0),
    of((figures) => figures.fullMiB, 1),
    of((figures) => figures.cutMiB, 1),
    of((figures) => figures.cutMs, 0),
    of((figures) => figures.residentMiB, 0),
  ];
  return `| ${[name, ...groups, ...rest].join(' | ')} |`;
}

async function compareDamage(parent: string): Promise<void> {
  for (const engine of engines) {
    const directory = await mkdtemp(join(parent, 'bench-store-'));
    console.log(`${engine.name}: ${(await damageReport(engine, directory)).replaceAll(directory, '')}`);
    await rm(directory, { recursive: true, force: true });
  }
}

async function compare(runs: number, parent: string): Promise<void> {
  const results = new Map<string, Figures[]>(engines.map((engine) => [engine.name, []]));
  for (let run = 0; run < runs; run++) {
    // The engines take turns, so that other load on the machine affects all of them alike.
    for (const [name, figures] of results) {
      const directory = await mkdtemp(join(parent, 'bench-store-'));
      try {
        figures.push(runOnce(name, directory));
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    }
  }
  const sizes = groupSizes.map((size) => `group of ${size}`);
  const columns = ['engine', ...sizes, 'recovery', 'disk', 'disk after cut', 'cut', 'resident'];
  const units = ['', ...sizes.map(() => 'ms, p50 / p99'), 'ms', 'MiB', 'MiB', 'ms', 'MiB'];
  const head = columns.map((column, at) => (units[at] === '' ? column : `${column} (${units[at]})`));
  console.log(`Medians of ${runs} runs; entries of ${entryBytes} bytes; recovery of ${recoveryEntries}.\n`);
  console.log(`| ${head.join(' | ')} |\n|${columns.map(() => ' --- |').join('')}`);
  for (const [name, figures] of results) console.log(row(name, figures));
}

const runsDefault = 5;
const [first, second, third] = process.argv.slice(2);
if (first === '--engine') {
  console.log(JSON.stringify(await measure(second ?? '', third ?? '')));
} else if (first === 'damage') {
  await compareDamage(resolve(second ?? '.'));
} else {
  await compare(Number(first ?? runsDefault), resolve(second ?? '.'));
}
