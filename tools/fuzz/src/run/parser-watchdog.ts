import { writeSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { mainThreadSeconds } from '@mqtt-cluster/kit';
import { repetitionOf } from './campaign.ts';

/** Processor time of one case after which its parser counts as hanging. */
const caseSecondsMax = 60;
const checkMs = 1_000;
const standardError = 2;

interface Shared {
  /** Position of the running target and number of its case. */
  readonly current: Int32Array;
  readonly names: readonly string[];
  readonly seed: number;
}

/**
 * Watches the parsers from a second thread: a parser in an endless loop leaves no time for a timer in its own thread. When one
 * case takes too much processor time, the thread prints the fault and kills the process.
 */
export class ParserWatchdog {
  readonly #shared: Shared;
  readonly #thread: Worker;

  /** @param script the bundle, which calls `watchParsers` when it runs in a worker thread */
  constructor(script: string, names: readonly string[], seed: number) {
    this.#shared = { current: new Int32Array(new SharedArrayBuffer(8)), names, seed };
    this.#thread = new Worker(script, { workerData: this.#shared, argv: [] });
  }

  /** Must be called before each case. */
  begin(target: string, number: number): void {
    Atomics.store(this.#shared.current, 0, this.#shared.names.indexOf(target));
    Atomics.store(this.#shared.current, 1, number);
  }

  async end(): Promise<void> {
    await this.#thread.terminate();
  }
}

export const isWatchdogThread = !isMainThread;

/** Runs in the second thread until the process ends. */
export function watchParsers(): void {
  const { current, names, seed } = workerData as Shared;
  let seen = [-1, -1];
  let since = 0;
  setInterval(() => {
    const now = [Atomics.load(current, 0), Atomics.load(current, 1)];
    const used = mainThreadSeconds(process.pid) ?? performance.now() / 1_000;
    if (now[0] !== seen[0] || now[1] !== seen[1]) {
      seen = now;
      since = used;
      return;
    }
    if (used - since < caseSecondsMax) return;
    const [target, number] = [names[now[0]!]!, now[1]!];
    const fault = `FAULT  ${target}: the parser hangs (${repetitionOf({ target, seed, number })})\n`;
    writeSync(standardError, fault);
    process.kill(process.pid, 'SIGKILL');
  }, checkMs);
}
