import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { percentile } from '@mqtt-cluster/kit';

/** Interval of the samples. A member itself takes one sample a second, which is too few for a p99 of a short phase. */
const sampleEveryMs = 5;
const probeName = 'loop-probe.mjs';
const fileVariable = 'BENCH_LOOP_DELAYS';

/**
 * Runs in each member, before the member's own code. It sets a timer every 5 ms, and writes each second how late the
 * timers ran.
 */
const probeText = `
import { appendFileSync } from 'node:fs';
const file = process.env.${fileVariable};
let delays = [];
let dueMs = performance.now() + ${sampleEveryMs};
setInterval(() => {
  const nowMs = performance.now();
  delays.push(Math.max(0, nowMs - dueMs).toFixed(1));
  dueMs = nowMs + ${sampleEveryMs};
}, ${sampleEveryMs}).unref();
setInterval(() => {
  appendFileSync(file, Date.now() + ' ' + delays.join(' ') + '\\n');
  delays = [];
}, 1000).unref();
`;

/** Writes the probe into a folder. Returns the Node flags that load it. */
export function loopProbeFlags(folder: string): string[] {
  const file = join(folder, probeName);
  writeFileSync(file, probeText);
  return ['--import', pathToFileURL(file).href];
}

export function loopProbeEnvironment(file: string): Readonly<Record<string, string>> {
  return { [fileVariable]: file };
}

/** The delays of one event loop. */
export interface LoopFigures {
  readonly samples: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

/** Reads what the probe of a member wrote in a part of the run. Times are Unix ms. */
export function readLoopDelays(file: string, fromMs: number, untilMs: number): LoopFigures {
  return loopFigures(readFileSync(file, 'utf8'), fromMs, untilMs);
}

/**
 * Computes the figures from the lines of the probe. A late timer hides the events that arrived while it waited. So a delay
 * of 23 ms counts as delays of 23, 18, 13, 8 and 3 ms.
 */
export function loopFigures(text: string, fromMs: number, untilMs: number): LoopFigures {
  const delays: number[] = [];
  for (const line of text.split('\n')) {
    const [atMs = NaN, ...values] = line.split(' ').map(Number);
    // A line describes the second before its time.
    if (!(atMs - 1_000 >= fromMs && atMs <= untilMs)) continue;
    for (const value of values) {
      delays.push(value);
      for (let rest = value - sampleEveryMs; rest > 0; rest -= sampleEveryMs) delays.push(rest);
    }
  }
  const mostMs = delays.reduce((most, delay) => Math.max(most, delay), 0);
  return { samples: delays.length, p99Ms: percentile(delays, 0.99) ?? 0, mostMs };
}
