import { readArguments, usage, UsageError } from './arguments.ts';
import type { BenchArguments } from './arguments.ts';
import { compare } from './compare.ts';
import { generatorArgument, serveGenerator } from './generator/child.ts';
import { measureIdle, renderIdle } from './idle.ts';
import { describeMachine } from './machine.ts';
import { Processes } from './processes.ts';
import { faults, ratios, render, renderMachine, summarize } from './report.ts';

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(given: BenchArguments): Promise<void> {
  if (given.command === 'help') return void process.stdout.write(usage);
  const processes = new Processes();
  const machine = describeMachine();
  if (given.command === 'idle') {
    const idle = await measureIdle(processes, given);
    const text = given.json ? json({ machine, ...idle }) : `${renderMachine(machine)}\n${renderIdle(idle)}`;
    process.stdout.write(text);
    return;
  }
  const comparison = await compare(processes, given, tell);
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

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

if (process.argv[2] === generatorArgument) serveGenerator();
else {
  try {
    await main(readArguments(process.argv.slice(2)));
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
