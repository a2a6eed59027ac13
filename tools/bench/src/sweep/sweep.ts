import type { BenchArguments } from '../arguments.ts';
import { summarizeLowRate } from '../low-rate/low-rate-report.ts';
import type { LowRateSummary } from '../low-rate/low-rate-report.ts';
import { measureLowRate } from '../low-rate/low-rate.ts';
import type { Processes } from '../processes.ts';

/** Medians of one target at one load. */
export interface SweepPoint extends LowRateSummary {
  /** The load that was asked for, messages a second; 0: as many as possible. */
  readonly rate: number;
}

export interface SweepResult {
  readonly seconds: number;
  readonly runs: number;
  readonly points: readonly SweepPoint[];
  readonly skipped: readonly string[];
  readonly failures: readonly string[];
}

/**
 * Measures latency and processor time of a QoS 1 message with each number of members (`sizes`) at each load (`rates`).
 * All clients have persistent sessions, one pair of them for each member.
 */
export async function measureSweep(
  processes: Processes,
  given: BenchArguments,
  log: (text: string) => void,
): Promise<SweepResult> {
  const points: SweepPoint[] = [];
  const failures: string[] = [];
  let skipped: readonly string[] = [];
  for (const [position, rate] of given.rates.entries()) {
    log(`load ${position + 1} of ${given.rates.length}: ${rate === 0 ? 'as much as possible' : `${rate}/s`}`);
    const result = await measureLowRate(processes, { ...given, rate, profile: null }, log);
    points.push(...summarizeLowRate(result.measurements).map((summary) => ({ rate, ...summary })));
    failures.push(...result.failures.map((text) => `${rate}/s, ${text}`));
    skipped = result.skipped;
  }
  return { seconds: given.seconds, runs: given.runs, points, skipped, failures };
}
