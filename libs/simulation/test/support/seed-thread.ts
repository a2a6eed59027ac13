import { parentPort } from 'node:worker_threads';
import { runSeed } from '../../src/index.ts';
import type { RunOptions } from '../../src/index.ts';

/** Main program of a thread of `SeedThreads`: answers each request with the report of its run. */
parentPort!.on('message', (options: RunOptions) => parentPort!.postMessage(runSeed(options)));
