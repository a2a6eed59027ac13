import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
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
        const wakeMs = await latestWake(() => this.#goesOn);
        const syncMs = await syncTime(handle);
        this.#recorder.record({ type: 'probe', wakeMs, syncMs });
      }
    } finally {
      await handle.close();
      await rm(this.#path, { force: true });
    }
  }
}

/** How much too late a timer was at the most, in about a second, ms. */
async function latestWake(goesOn: () => boolean): Promise<number> {
  let latestMs = 0;
  for (let wake = 0; wake < wakesOfProbe && goesOn(); wake++) {
    const dueAt = performance.now() + wakeEveryMs;
    await new Promise((resolve) => setTimeout(resolve, wakeEveryMs));
    latestMs = Math.max(latestMs, performance.now() - dueAt);
  }
  return round(latestMs);
}

async function syncTime(handle: FileHandle): Promise<number> {
  const startedAt = performance.now();
  await handle.write(Buffer.alloc(syncBytes), 0, syncBytes, 0);
  await handle.datasync();
  return round(performance.now() - startedAt);
}

function round(ms: number): number {
  return Math.round(Math.max(ms, 0) * 10) / 10;
}
