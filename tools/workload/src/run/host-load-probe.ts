import { readFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Recorder } from '../client/recorder.ts';

const wakeEveryMs = 100;
const wakesOfProbe = 10;
const syncBytes = 512;

/**
 * Records the load of this machine once a second, independently of the target: the delay of a timer, the
 * duration of a small synced write, and the number of runnable threads (event `probe` of the history).
 */
export class HostLoadProbe {
  readonly #recorder: Recorder;
  readonly #path: string;
  #shouldContinue = true;
  #done: Promise<void> = Promise.resolve();

  /** @param path a small file in the history's folder, which the probe writes and finally deletes */
  constructor(recorder: Recorder, path: string) {
    this.#recorder = recorder;
    this.#path = path;
  }

  start(): void {
    this.#done = this.#run();
    // `end` throws an error of the probe.
    this.#done.catch(() => undefined);
  }

  /** Stops the probe. A second call has no effect. @throws Error when the file can't be written */
  async end(): Promise<void> {
    this.#shouldContinue = false;
    await this.#done;
  }

  async #run(): Promise<void> {
    const handle = await open(this.#path, 'w');
    try {
      while (this.#shouldContinue) {
        const { wakeMs, ...shared } = await measureWakeDelay(() => this.#shouldContinue);
        const syncMs = await measureSync(handle);
        this.#recorder.record({ type: 'probe', wakeMs, syncMs, ...shared });
      }
    } finally {
      await handle.close();
      await rm(this.#path, { force: true });
    }
  }
}

/**
 * Measures for about a second. @returns the longest delay of a timer, ms, and the runnable threads for each
 * core
 */
async function measureWakeDelay(
  shouldContinue: () => boolean,
): Promise<{ wakeMs: number; runnable?: number }> {
  let latestMs = 0;
  let threads = 0;
  let samples = 0;
  for (let wake = 0; wake < wakesOfProbe && shouldContinue(); wake++) {
    const dueAt = performance.now() + wakeEveryMs;
    await new Promise((resolve) => setTimeout(resolve, wakeEveryMs));
    latestMs = Math.max(latestMs, performance.now() - dueAt);
    const running = runnableThreads();
    if (running === null) continue;
    threads += running;
    samples += 1;
  }
  const wakeMs = round(latestMs);
  return samples === 0 ? { wakeMs } : { wakeMs, runnable: round(threads / samples / availableParallelism()) };
}

/**
 * @returns the number of runnable threads of the machine, including this thread; null on systems without
 * /proc/stat
 */
function runnableThreads(): number | null {
  try {
    const [, count] = /^procs_running (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8')) ?? [];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}

async function measureSync(handle: FileHandle): Promise<number> {
  const startedAt = performance.now();
  await handle.write(Buffer.alloc(syncBytes), 0, syncBytes, 0);
  await handle.datasync();
  return round(performance.now() - startedAt);
}

function round(value: number): number {
  return Math.round(Math.max(value, 0) * 10) / 10;
}
