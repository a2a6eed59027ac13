import { runTool } from '@mqtt-cluster/kit';
import { readArguments } from './arguments.ts';
import type { BenchArguments } from './arguments.ts';
import { compare } from './compare.ts';
import { generatorArgument, serveGenerator } from './generator/child.ts';
import { measureFailover } from './failover/failover.ts';
import { renderFailover, writeFailover } from './failover/failover-report.ts';
import { clientsArgument, serveClients } from './failover/serve.ts';
import { isHarmless, renderHostile } from './hostile/hostile-report.ts';
import { attackArgument, serveAttack } from './hostile/attacker/serve.ts';
import { attacks } from './hostile/attacks/index.ts';
import { measureHostile } from './hostile/hostile.ts';
import type { HostileResult } from './hostile/hostile.ts';
import { measureIdle, renderIdle } from './idle.ts';
import { rows } from './rows/index.ts';
import { measureRows } from './rows/measure-rows.ts';
import { renderRows, summarizeRows } from './rows/rows-report.ts';
import { measureLinks } from './link/measure-links.ts';
import { missedLinkGoals, renderLinks } from './link/link-report.ts';
import { floods } from './memory/floods.ts';
import { measureMemory } from './memory/memory.ts';
import { missesOf, renderMemory } from './memory/memory-report.ts';
import { measureLists } from './lists/lists.ts';
import { missedGoals, renderLists } from './lists/lists-report.ts';
import { renderLowRate, summarizeLowRate } from './low-rate/low-rate-report.ts';
import { measureLowRate } from './low-rate/low-rate.ts';
import { writeSweepCharts } from './sweep/sweep-charts.ts';
import { faultsOfSweep, renderSweep } from './sweep/sweep-report.ts';
import { measureSweep } from './sweep/sweep.ts';
import { describeMachine } from './machine.ts';
import type { Machine } from './machine.ts';
import { writeReport } from './write-report.ts';
import { Processes } from './processes.ts';
import { isScrapeWithinLimits, measureScrape, renderScrape } from './scrape.ts';
import { faults, ratios, render, renderMachine, summarize } from './report.ts';

const log = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(given: BenchArguments): Promise<void> {
  const processes = new Processes();
  const machine = describeMachine();
  if (given.command === 'idle') {
    const idle = await measureIdle(processes, given, log);
    const text = given.json ? json({ machine, ...idle }) : `${renderMachine(machine)}\n${renderIdle(idle)}`;
    process.stdout.write(text);
    return;
  }
  if (given.command === 'low-rate') return lowRate(processes, given);
  if (given.command === 'sweep') return sweep(processes, given);
  if (given.command === 'rows') return measureAllRows(processes, given);
  if (given.command === 'quick') return quick(processes, given);
  if (given.command === 'scrape') return scrape(processes, given);
  if (given.command === 'failover') return failover(processes, given);
  if (given.command === 'hostile') return hostile(processes, given);
  if (given.command === 'lists') return lists(processes, given);
  if (given.command === 'memory') return memory(processes, given);
  if (given.command === 'link') return links(processes, given);
  const comparison = await compare(processes, given, log);
  const { measurements, failures, skipped } = comparison;
  const found = faults(measurements);
  const text = given.json
    ? json({
        machine,
        skipped,
        failures,
        faults: found,
        summary: summarize(measurements),
        ratios: ratios(measurements, comparison.saturated),
        measurements,
      })
    : render(machine, comparison);
  process.stdout.write(text);
  if (failures.length + found.length > 0) process.exitCode = 1;
}

async function lowRate(processes: Processes, given: BenchArguments): Promise<void> {
  const machine = describeMachine();
  const result = await measureLowRate(processes, given, log);
  const summary = summarizeLowRate(result.measurements);
  process.stdout.write(
    given.json
      ? json({ machine, summary, ...result })
      : `${renderMachine(machine)}\n${renderLowRate(result)}`,
  );
  const lost = summary.some((each) => each.lost > 0);
  if (lost || result.failures.length > 0) process.exitCode = 1;
}

async function sweep(processes: Processes, given: BenchArguments): Promise<void> {
  const { machine, date, command } = describeRun();
  const result = await measureSweep(processes, given, log);
  const text = renderSweep(result, machine, command, date);
  const content = { command, date, machine, ...result };
  if (given.out !== null) {
    writeReport(given.out, 'sweep', text, content);
    writeSweepCharts(given.out, result.points);
  }
  process.stdout.write(given.json ? json(content) : text);
  if (faultsOfSweep(result).length > 0) process.exitCode = 1;
}

async function measureAllRows(processes: Processes, given: BenchArguments): Promise<void> {
  if (given.list) {
    process.stdout.write(rows.map(({ name, title }) => `${name.padEnd(16)}${title}\n`).join(''));
    return;
  }
  const machine = describeMachine();
  const result = await measureRows(processes, given, log);
  const text = `${renderMachine(machine)}\n\n${renderRows(result)}`;
  process.stdout.write(
    given.json ? json({ machine, summary: summarizeRows(result.measurements), ...result }) : text,
  );
  if (result.failures.length > 0) process.exitCode = 1;
}

/** Measures a little of everything, and prints all tables at the end. */
async function quick(processes: Processes, given: BenchArguments): Promise<void> {
  const machine = describeMachine();
  const short = { ...given, runs: 1, seconds: 5 };
  const comparison = await compare(processes, { ...short, qos: [1] }, log);
  const low = await measureLowRate(processes, { ...short, rate: 100, sizes: [1, 3], publishers: 0 }, log);
  const all = await measureRows(processes, { ...short, clients: 2_000, messages: 50_000 }, log);
  const failures = [
    ...faults(comparison.measurements),
    ...comparison.failures,
    ...low.failures,
    ...all.failures,
  ];
  process.stdout.write(
    given.json
      ? json({
          machine,
          summary: summarize(comparison.measurements),
          ratios: ratios(comparison.measurements),
          lowRate: summarizeLowRate(low.measurements),
          rows: summarizeRows(all.measurements),
          faults: failures,
        })
      : `${render(machine, comparison)}\n${renderLowRate(low)}\n${renderRows(all)}`,
  );
  const lost = summarizeLowRate(low.measurements).some((each) => each.lost > 0);
  if (failures.length > 0 || lost) process.exitCode = 1;
}

async function scrape(processes: Processes, given: BenchArguments): Promise<void> {
  const machine = describeMachine();
  const result = await measureScrape(processes, given, log);
  process.stdout.write(
    given.json ? json({ machine, ...result }) : `${renderMachine(machine)}\n${renderScrape(result)}`,
  );
  if (!isScrapeWithinLimits(result)) process.exitCode = 1;
}

async function failover(processes: Processes, given: BenchArguments): Promise<void> {
  const { machine, date, command } = describeRun();
  const result = await measureFailover(processes, given, log);
  const text = renderFailover(result, machine, command, date);
  const content = { command, date, machine, ...result };
  if (given.out !== null) writeFailover(given.out, text, content);
  await new Promise((resolve) => process.stdout.write(given.json ? json(content) : text, resolve));
  // Open connections of the lab may keep the event loop alive, so the process must exit explicitly.
  process.exit(result.failures.length > 0 ? 1 : 0);
}

async function hostile(processes: Processes, given: BenchArguments): Promise<void> {
  if (given.list) {
    process.stdout.write(attacks.map(({ name, title }) => `${name.padEnd(24)}${title}\n`).join(''));
    return;
  }
  const { machine, date, command } = describeRun();
  const textOf = (result: HostileResult): string => renderHostile(result, machine, command, date);
  // Each attack takes about a minute, so the results so far are written after each one.
  const write = (result: HostileResult): void => {
    if (given.out === null) return;
    writeReport(given.out, 'hostile', textOf(result), { command, date, machine, ...result });
  };
  const result = await measureHostile(processes, given, log, write);
  const text = given.json ? json({ command, date, machine, ...result }) : textOf(result);
  await new Promise((resolve) => process.stdout.write(text, resolve));
  // Open connections of the lab may keep the event loop alive, so the process must exit explicitly.
  process.exit(isHarmless(result) ? 0 : 1);
}

async function lists(processes: Processes, given: BenchArguments): Promise<void> {
  const { machine, date, command } = describeRun();
  const result = await measureLists(processes, given, log);
  const missed = missedGoals(result);
  const text = renderLists(result, machine, command, date);
  const content = { command, date, machine, ...result, missed };
  if (given.out !== null) writeReport(given.out, 'lists', text, content);
  process.stdout.write(given.json ? json(content) : text);
  if (missed.length > 0) process.exitCode = 1;
}

async function links(processes: Processes, given: BenchArguments): Promise<void> {
  const { machine, date, command } = describeRun();
  const result = await measureLinks(processes, given, log);
  const missed = missedLinkGoals(result);
  const text = renderLinks(result, machine, command, date);
  const content = { command, date, machine, ...result, missed };
  if (given.out !== null) writeReport(given.out, 'link', text, content);
  process.stdout.write(given.json ? json(content) : text);
  if (missed.length > 0) process.exitCode = 1;
}

async function memory(processes: Processes, given: BenchArguments): Promise<void> {
  if (given.list) {
    process.stdout.write(floods.map(({ name, title }) => `${name.padEnd(24)}${title}\n`).join(''));
    return;
  }
  const { machine, date, command } = describeRun();
  const result = await measureMemory(processes, given, log);
  const text = renderMemory(result, machine, command, date);
  const content = { command, date, machine, ...result, missed: missesOf(result) };
  if (given.out !== null) writeReport(given.out, 'memory', text, content);
  await new Promise((resolve) => process.stdout.write(given.json ? json(content) : text, resolve));
  // Open connections of the bench may keep the event loop alive, so the process must exit explicitly.
  process.exit(content.missed.length > 0 ? 1 : 0);
}

/** Returns what a report says about its run. Must be called before the measurement, which changes the load average. */
function describeRun(): { machine: Machine; date: string; command: string } {
  const date = new Date().toISOString().slice(0, 10);
  return { machine: describeMachine(), date, command: `npm run bench -- ${process.argv.slice(2).join(' ')}` };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

if (process.argv[2] === generatorArgument) serveGenerator();
else if (process.argv[2] === clientsArgument) serveClients();
else if (process.argv[2] === attackArgument) serveAttack(process.argv[3]);
else await runTool('bench', () => main(readArguments(process.argv.slice(2))));
