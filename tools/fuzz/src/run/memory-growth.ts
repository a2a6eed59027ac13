import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@mqtt-cluster/kit';
import type { MemberMemory } from '@mqtt-cluster/lab';
import { liveBytes } from './live-memory.ts';
import type { MachineLoad } from './machine-load.ts';

const mebibyte = 1024 * 1024;
/** Growth that counts as a fault: both bounds must be exceeded. Smaller growth is noise of the garbage collector. */
const growthFactorMax = 1.3;
const growthBytesMax = 32 * mebibyte;
/** Before a measurement the machine must have been calm for this time: a starved member keeps messages that it has not handled yet. */
const calmMs = 5_000;
/** After this wait the memory is measured anyway; then it is shown, and a growth is not judged. */
const calmMsMax = 60_000;
const pollMs = 500;

/** Live memory of the members that answered, with one sentence for each other member that runs. */
export interface LiveMemory {
  readonly wasCalm: boolean;
  /** Bytes by member id. */
  readonly live: ReadonlyMap<string, number>;
  readonly faults: readonly string[];
  readonly inconclusive: readonly string[];
}

export const noMemory: LiveMemory = { wasCalm: false, live: new Map(), faults: [], inconclusive: [] };

/**
 * Measures the live memory of members, after the machine has been calm for some seconds.
 *
 * @param pids returns the process ids of the members that run, by member id
 */
export async function measureMemory(
  pids: () => Iterable<readonly [string, number]>,
  load: MachineLoad,
): Promise<LiveMemory> {
  const live = new Map<string, number>();
  const faults: string[] = [];
  const inconclusive: string[] = [];
  const wasCalm = await isCalm(load);
  for (const [id, pid] of pids()) {
    const fromMs = performance.now();
    try {
      live.set(id, await liveBytes(pid));
    } catch (error) {
      // The report contains a process that has ended as a fault of its own.
      if (![...pids()].some(([, running]) => running === pid)) continue;
      const isStarved = load.isStarved(fromMs, performance.now(), [id]);
      (isStarved ? inconclusive : faults).push(
        `${id}: its memory can't be measured: ${describeError(error)}`,
      );
    }
  }
  return { wasCalm, live, faults, inconclusive };
}

async function isCalm(load: MachineLoad): Promise<boolean> {
  const untilMs = performance.now() + calmMsMax;
  for (;;) {
    const nowMs = performance.now();
    if (!load.isStarved(nowMs - calmMs, nowMs)) return true;
    if (nowMs > untilMs) return false;
    await delay(pollMs);
  }
}

/** Returns a sentence if the memory of a member grew. */
export function growthFault({ id, warmBytes, endBytes }: MemberMemory): string[] {
  const grown = endBytes - warmBytes > growthBytesMax && endBytes > warmBytes * growthFactorMax;
  if (warmBytes === 0 || endBytes === 0 || !grown) return [];
  return [`${id}: its live memory grew from ${toMebibytes(warmBytes)} to ${toMebibytes(endBytes)} MiB`];
}

export function toMebibytes(bytes: number): number {
  return Math.round(bytes / mebibyte);
}
