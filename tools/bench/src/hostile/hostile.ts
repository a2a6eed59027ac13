import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { setMaxListeners } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeError } from '@mqtt-cluster/kit';
import type { BenchArguments } from '../arguments.ts';
import type { Processes } from '../processes.ts';
import { writeClusterFiles } from './attacked-cluster.ts';
import { attacks } from './attacks/index.ts';
import { measureAttack } from './measure-attack.ts';
import { controlP99Of, faultsOf } from './verdict.ts';
import type { AttackResult } from './verdict.ts';

/** Files and sockets of an attacker's process that are not for the attack. */
const reservedFiles = 500;
const openFilesDefault = 1_024;

export interface HostileResult {
  readonly members: number;
  readonly forMs: number;
  /** Largest number of open files of a process. An attack with more sockets opens fewer. */
  readonly openFilesMax: number;
  readonly results: readonly AttackResult[];
  /** One line for each attack that could not be measured. */
  readonly failures: readonly string[];
  readonly seconds: number;
}

/** Measures the attacks one after the other, each on a cluster of its own. @param onResult receives all results so far */
export async function measureHostile(
  processes: Processes,
  { members, forMs, only, set: settings }: BenchArguments,
  log: (text: string) => void,
  onResult: (result: HostileResult) => void,
): Promise<HostileResult> {
  const startedMs = performance.now();
  // Each cluster of the lab registers a listener for the exit of this process.
  setMaxListeners(0, process);
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-hostile-'));
  log('writing certificates and passwords');
  const files = writeClusterFiles(folder, members);
  const openFilesMax = openFilesLimit();
  const options = { files, members, forMs, settings, socketsMax: openFilesMax - reservedFiles };
  const chosen = attacks.filter(({ name }) => only === null || only.includes(name));
  const results: AttackResult[] = [];
  const failures: string[] = [];
  const current = (): HostileResult => {
    const seconds = (performance.now() - startedMs) / 1_000;
    return { members, forMs, openFilesMax, results: [...results], failures: [...failures], seconds };
  };
  for (const [index, attack] of chosen.entries()) {
    const position = `${index + 1}/${chosen.length} ${attack.name}`;
    log(`${position}: ${attack.title}`);
    try {
      const result = await measureAttack(processes, attack, {
        ...options,
        controlP99Ms: controlP99Of(results),
      });
      results.push(result);
      log(`${position}: ${describe(result)}`);
    } catch (error) {
      failures.push(`${attack.name}: ${describeError(error)}`);
      log(`${position}: FAILED ${describeError(error)}`);
    }
    onResult(current());
  }
  const isClean = failures.length === 0 && results.every((result) => faultsOf(result).length === 0);
  if (isClean) rmSync(folder, { recursive: true, force: true });
  else log(`logs and data of failed attacks are in ${folder}`);
  return current();
}

function describe(result: AttackResult): string {
  const { onAttacked, onOther } = result;
  const faults = faultsOf(result);
  return (
    `p99 attacked ${onAttacked.before.p99Ms.toFixed(0)} -> ${onAttacked.during.p99Ms.toFixed(0)} ms, ` +
    `other ${onOther.before.p99Ms.toFixed(0)} -> ${onOther.during.p99Ms.toFixed(0)} ms, ` +
    (faults.length === 0 ? 'ok' : `FAULT ${faults.join('; ')}`)
  );
}

/** Returns the limit of open files of this process; the attackers and the members inherit it. */
function openFilesLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? openFilesDefault : Number(soft);
  } catch {
    return openFilesDefault;
  }
}
