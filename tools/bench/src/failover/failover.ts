import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeError, seededRandom } from '@mqtt-cluster/kit';
import { startCluster } from '@mqtt-cluster/lab';
import type { BenchArguments } from '../arguments.ts';
import type { Processes } from '../processes.ts';
import { startClientProcesses } from './client-process.ts';
import { proxyMissing, startProxy } from './proxy.ts';
import type { StartProxy } from './proxy.ts';
import { measureRound } from './rounds.ts';
import type { FaultKind, RoundResult } from './rounds.ts';

/** Largest number of consecutive failed rounds. If more rounds fail, the bench stops with an error. */
const failuresInARowMax = 3;

export interface FailoverResult {
  readonly seed: number;
  readonly rate: number;
  readonly rounds: readonly RoundResult[];
  /** One line for each client library that could not be measured. */
  readonly missing: readonly string[];
  /** One line for each round that could not be measured, and for each member that crashed. */
  readonly failures: readonly string[];
  readonly pahoVersion: string | null;
  readonly seconds: number;
}

/** Starts seven members, and measures the gaps of all client libraries during the same faults. */
export async function measureFailover(
  processes: Processes,
  { kills, silent, seed, rate }: BenchArguments,
  log: (text: string) => void,
): Promise<FailoverResult> {
  const startedMs = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-failover-'));
  const { cluster, end } = await startCluster({ folder });
  const { all, missing, pahoVersion } = startClientProcesses(processes);
  for (const reason of missing) log(`skipped ${reason}`);
  const run = `failover-${process.pid}`;
  const proxied: StartProxy | null =
    proxyMissing() === null ? (members) => startProxy(processes, folder, members) : null;
  const random = seededRandom(seed);
  const options = { cluster, clients: all, startProxy: proxied, rate, run, random };
  const plan: FaultKind[] = [
    ...Array.from({ length: kills }, () => 'kill' as const),
    ...Array.from({ length: silent }, () => 'silent' as const),
  ];
  const rounds: RoundResult[] = [];
  const failures: string[] = [];
  let failuresInARow = 0;
  try {
    for (const [index, fault] of plan.entries()) {
      try {
        const result = await measureRound(options, index + 1, fault);
        rounds.push(result);
        log(`${index + 1}/${plan.length} ${describe(result)}`);
        failuresInARow = 0;
      } catch (error) {
        const text = `round ${index + 1}: ${describeError(error)}`;
        failures.push(text);
        log(`FAILED ${text}`);
        if (++failuresInARow > failuresInARowMax) throw error;
      }
    }
  } finally {
    for (const client of all) client.end();
    failures.push(...cluster.crashes);
    // The members' logs are needed to analyse a failure.
    await end(failures.length > 0);
    if (failures.length === 0) rmSync(folder, { recursive: true, force: true });
    else log(`logs and data are in ${folder}`);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  return { seed, rate, rounds, missing, failures, pahoVersion, seconds };
}

function describe({ fault, victim, victimLed, gapsMs }: RoundResult): string {
  const longest = Object.entries(gapsMs)
    .filter(([series]) => series.startsWith('failover-client'))
    .map(
      ([series, gap]) =>
        `${series.replace('failover-client', 'ours')} ${gap === null ? '-' : Math.round(gap)}`,
    );
  return `${fault} ${victim}${victimLed ? ' (leader)' : ''}: ${longest.join(', ')}`;
}
