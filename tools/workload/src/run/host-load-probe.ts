import { readFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Recorder } from '../client/recorder.ts';

const wakeEveryMs = 100;
const wakesOfProbe = 10;
const syncBytes = 512;

/** Notes down every second how busy this machine is, whatever the target does: see `Probe` of the history. */
export class BusynessProbe {
  readonly #recorder: Recorder;
  readonly #path: string;
  #goesOn = true;
  #done: Promise<void> = Promise.resolve();

  /** @param path of a small file beside the history, which is deleted in the end */
  constructor(recorder: Recorder, path: string) {
    this.#recorder = recorder;
    this.#path = path;
  }

  start(): void {
    this.#done = this.#run();
    // Whoever awaits the end hears of it.
    this.#done.catch(() => undefined);
  }

  /** Safe to call twice. @throws Error when the file can't be written */
  async end(): Promise<void> {
    this.#goesOn = false;
    await this.#done;
  }

  async #run(): Promise<void> {
    const handle = await open(this.#path, 'w');
    try {
      while (this.#goesOn) {
        const { wakeMs, ...shared } = await watch(() => this.#goesOn);
        const syncMs = await syncTime(handle);
        this.#recorder.record({ type: 'probe', wakeMs, syncMs, ...shared });
      }
    } finally {
      await handle.close();
      await rm(this.#path, { force: true });
    }
  }
}

/** For about a second: how much too late a timer was at the most, ms, and who wanted a core. */
async function watch(goesOn: () => boolean): Promise<{ wakeMs: number; runnable?: number }> {
  let latestMs = 0;
  let threads = 0;
  let samples = 0;
  for (let wake = 0; wake < wakesOfProbe && goesOn(); wake++) {
    const dueAt = performance.now() + wakeEveryMs;
    await new Promise((resolve) => setTimeout(resolve, wakeEveryMs));
    latestMs = Math.max(latestMs, performance.now() - dueAt);
    const running = threadsRunning();
    if (running === null) continue;
    threads += running;
    samples += 1;
  }
  const wakeMs = round(latestMs);
  return samples === 0 ? { wakeMs } : { wakeMs, runnable: round(threads / samples / availableParallelism()) };
}

/** Of the whole machine, this one among them; null where the system does not tell. */
function threadsRunning(): number | null {
  try {
    const [, count] = /^procs_running (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8')) ?? [];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}

async function syncTime(handle: FileHandle): Promise<number> {
  const startedAt = performance.now();
  await handle.write(Buffer.alloc(syncBytes), 0, syncBytes, 0);
  await handle.datasync();
  return round(performance.now() - startedAt);
}

function round(value: number): number {
  return Math.round(Math.max(value, 0) * 10) / 10;
}
