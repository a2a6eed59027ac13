import { Worker, parentPort, workerData } from 'node:worker_threads';
import { runSeed } from '../run-seed.ts';
import type { RunReport } from '../run-seed.ts';
import type { SimulateArguments } from './arguments.ts';

interface Share {
  readonly first: number;
  readonly seeds: number;
  readonly members: number | null;
  /** How many seeds have been taken; one more than all of them ends the work. */
  readonly taken: Int32Array;
}

/** A simulated world leaves much behind at every step; threads have a quarter of this by default. */
const youngGenerationMiB = 64;

/** More than any run takes. */
const takenMax = 2 ** 30;

/** Most runs have seven members; some have fewer, down to one. */
export function membersOf(seed: number, members: number | null): number {
  if (members !== null) return members;
  return seed % 10 === 0 ? 1 + (Math.floor(seed / 10) % 6) : 7;
}

/**
 * Lets threads run the seeds in their order, each taking the next one. After a failure no new one is begun, unless they are to keep
 * going, so the lowest that fails is always among those that were run.
 * @throws Error when a thread ends by an error
 */
export async function runSeeds(
  options: SimulateArguments,
  scriptPath: string,
  onReport: (report: RunReport) => void,
): Promise<void> {
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const stop = (): void => void Atomics.store(taken, 0, takenMax);
  const timer = Number.isFinite(options.forMs) ? setTimeout(stop, options.forMs) : null;
  const seeds = Math.min(options.seeds, takenMax);
  const count = Math.min(options.workers, seeds);
  const share: Share = { first: options.first, seeds, members: options.members, taken };
  const ended = Array.from({ length: count }, () => {
    const thread = new Worker(scriptPath, {
      workerData: share,
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiB },
    });
    thread.on('message', (report: RunReport) => {
      if (report.violations.length > 0 && !options.keepGoing) stop();
      onReport(report);
    });
    return new Promise<void>((resolve, reject) => {
      thread.once('error', reject);
      thread.once('exit', () => resolve());
    });
  });
  try {
    await Promise.all(ended);
  } finally {
    stop();
    if (timer !== null) clearTimeout(timer);
  }
}

/** In a thread: takes seeds until there are no more. */
export function work(): void {
  const { first, seeds, members, taken } = workerData as Share;
  for (;;) {
    const number = Atomics.add(taken, 0, 1);
    if (number >= seeds) return;
    const seed = first + number;
    parentPort?.postMessage(runSeed({ seed, members: membersOf(seed, members) }));
  }
}
