import type { Machine } from '../machine.ts';
import { renderMachine } from '../report.ts';
import type { SweepPoint, SweepResult } from './sweep.ts';

/** File names of the charts in the folder of the report. */
export const chartFiles = { latency: 'sweep-latency.svg', processor: 'sweep-processor.svg' } as const;

/** Renders the report in Markdown: the charts, and a table with a line for each target and load. */
export function renderSweep(result: SweepResult, machine: Machine, command: string, date: string): string {
  const { seconds, runs, points, skipped, failures } = result;
  const lines = [
    '# Load and number of members: what a message costs',
    '',
    `- command: \`${command}\`; ${date}`,
    `- machine: ${renderMachine(machine)}`,
    `- QoS 1, persistent sessions, one publisher and one subscriber for each member; ${seconds} s at each load,`,
    `  medians of ${runs} ${runs === 1 ? 'run' : 'runs'}`,
    '- all members, the clients and the other broker share this machine: with more members each has fewer cores',
    '',
    `![Time from PUBLISH to the arrival over the load](${chartFiles.latency})`,
    '',
    `![Processor time of a message and member over the load](${chartFiles.processor})`,
    '',
    '| target | load asked | messages/s | arrival p50 | arrival p99 | processor time of a message and member | lost |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...points.map(lineOf),
  ];
  if (skipped.length + failures.length > 0) lines.push('');
  for (const reason of skipped) lines.push(`- skipped ${reason}`);
  for (const text of failures) lines.push(`- FAULT ${text}`);
  return `${lines.join('\n')}\n`;
}

/** Returns one sentence for each thing that makes the measurement fail. */
export function faultsOfSweep({ points, failures }: SweepResult): string[] {
  const losses = points.filter(({ lost }) => lost > 0);
  return [
    ...failures,
    ...losses.map(({ target, rate, lost }) => `${target} at load ${nameOfLoad(rate)} lost ${lost} messages`),
  ];
}

function lineOf(point: SweepPoint): string {
  const cells = [
    point.target,
    nameOfLoad(point.rate),
    point.perSecond.toFixed(point.perSecond < 100 ? 1 : 0),
    `${point.endToEndP50.toFixed(2)} ms`,
    `${point.endToEndP99.toFixed(2)} ms`,
    `${point.processorMs.toFixed(3)} ms`,
    String(point.lost),
  ];
  return `| ${cells.join(' | ')} |`;
}

function nameOfLoad(rate: number): string {
  return rate === 0 ? 'all' : `${rate}/s`;
}
