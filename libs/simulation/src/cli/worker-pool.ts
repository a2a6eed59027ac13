import { Worker, parentPort, workerData } from 'node:worker_threads';
import { runSeed } from '../run-seed.ts';
import type { RunReport } from '../run-seed.ts';
import type { SimulateArguments } from './arguments.ts';

/** Data that each worker thread receives. */
interface WorkerInput {
  readonly first: number;
  readonly seeds: number;
  readonly members: number | null;
  readonly pageFaults: boolean;
  readonly links: boolean;
  /**
   * Shared counter of the seeds that workers have claimed. A worker ends when it claims a number beyond the
   * last seed.
   */
  readonly claimed: Int32Array;
}

/**
 * Size of the young generation in the heap of a worker thread. A simulated world allocates many short-lived
 * objects, and the default is a quarter of this size.
 */
const youngGenerationMiB = 64;

/** Value of the shared counter that ends all workers. It is larger than the number of seeds of any run. */
const claimedMax = 2 ** 30;

/** Sizes of the clusters of real sites. The smaller a cluster is, the more often faults take its majority. */
const usualSizes = [3, 7, 5] as const;

/** Returns the number of members of a seed's run: three, five or seven, or one to six for every tenth seed. */
export function memberCountOf(seed: number, members: number | null): number {
  if (members !== null) return members;
  return seed % 10 === 0 ? 1 + (Math.floor(seed / 10) % 6) : usualSizes[seed % usualSizes.length]!;
}

/**
 * Runs the seeds in worker threads. Each worker claims the next seed in ascending order. After a failed seed
 * no worker claims another one, unless `keepGoing` is set. So the lowest failing seed is always among those
 * that were run.
 *
 * @throws Error when a thread ends with an error
 */
export async function runSeeds(
  options: SimulateArguments,
  scriptPath: string,
  onReport: (report: RunReport) => void,
): Promise<void> {
  const claimed = new Int32Array(new SharedArrayBuffer(4));
  const stop = (): void => void Atomics.store(claimed, 0, claimedMax);
  const timer = Number.isFinite(options.forMs) ? setTimeout(stop, options.forMs) : null;
  const seeds = Math.min(options.seeds, claimedMax);
  const count = Math.min(options.workers, seeds);
  const { first, members, pageFaults, links } = options;
  const input: WorkerInput = { first, seeds, members, pageFaults, links, claimed };
  const ended = Array.from({ length: count }, () => {
    const thread = new Worker(scriptPath, {
      workerData: input,
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

/** Main function of a worker thread: claims and runs seeds until all are claimed. */
export function runWorker(): void {
  const { first, seeds, members, pageFaults, links, claimed } = workerData as WorkerInput;
  for (;;) {
    const number = Atomics.add(claimed, 0, 1);
    if (number >= seeds) return;
    const seed = first + number;
    parentPort?.postMessage(runSeed({ seed, members: memberCountOf(seed, members), pageFaults, links }));
  }
}
