import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import type { RunOptions, RunReport } from '../../src/index.ts';

type Options = Omit<RunOptions, 'trace'>;

interface Request {
  readonly options: Options;
  readonly resolve: (report: RunReport) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Runs seeds in worker threads, one thread for each core. Jest evaluates modules in a context of `node:vm`, in which a
 * seed takes about ten times as long.
 */
export class SeedThreads {
  readonly #folder: string;
  readonly #program: string;
  readonly #threads = new Set<Worker>();
  readonly #idle: Worker[] = [];
  readonly #waiting: Request[] = [];
  readonly #running = new Map<Worker, Request>();

  private constructor(folder: string, program: string) {
    this.#folder = folder;
    this.#program = program;
    for (let count = availableParallelism(); count > 0; count--) this.#start();
  }

  /** Bundles the simulator and starts the threads. */
  static async create(): Promise<SeedThreads> {
    const folder = await mkdtemp(join(tmpdir(), 'seed-threads-'));
    const program = join(folder, 'seed-thread.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('./seed-thread.ts', import.meta.url))],
      bundle: true,
      platform: 'node',
      format: 'esm',
      sourcemap: 'inline',
      outfile: program,
      logLevel: 'silent',
    });
    return new SeedThreads(folder, program);
  }

  /**
   * Runs a seed as soon as a thread is idle. Requests run in their order.
   * @throws the error that ended the thread
   */
  run(options: Options): Promise<RunReport> {
    const report = new Promise<RunReport>((resolve, reject) => {
      this.#waiting.push({ options, resolve, reject });
    });
    this.#dispatch();
    return report;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread.terminate()));
    await rm(this.#folder, { recursive: true });
  }

  #start(): void {
    const thread = new Worker(this.#program);
    this.#threads.add(thread);
    this.#idle.push(thread);
    thread.on('message', (report: RunReport) => {
      this.#end(thread)?.resolve(report);
      this.#idle.push(thread);
      this.#dispatch();
    });
    // The error has ended the thread. Without another one, the waiting requests could have no thread left.
    thread.on('error', (error) => {
      this.#threads.delete(thread);
      this.#end(thread)?.reject(error as Error);
      this.#start();
      this.#dispatch();
    });
  }

  #end(thread: Worker): Request | undefined {
    const request = this.#running.get(thread);
    this.#running.delete(thread);
    return request;
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const thread = this.#idle.shift()!;
      const request = this.#waiting.shift()!;
      this.#running.set(thread, request);
      thread.postMessage(request.options);
    }
  }
}
