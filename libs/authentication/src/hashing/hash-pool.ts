import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Logger } from '@mqtt-cluster/contracts';
import { authenticationMetrics, noMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { FairQueue } from '../fair-queue.ts';
import { hashWorkerSource } from './hash-worker.ts';
import type { HashAnswer, HashJob, HashTask } from './hash-worker.ts';
import { formatScrypt, newHashCost } from './password-hash.ts';
import type { PasswordHash } from './password-hash.ts';

/** Jobs that wait. A thread needs about 50 ms for a scrypt hash of the default cost: 512 jobs wait 26 s. */
const jobsMax = 512;
const jobsPerAddressMax = 128;
/** A job that has waited longer is refused: the broker has given up the connection, or soon will. */
const waitMsMax = 20_000;
/** More threads would take cores from the member itself. */
const threadsMax = 4;

export interface HashPoolOptions {
  readonly logger: Logger;
  readonly metrics?: Metrics;
  readonly threads?: number;
  readonly jobsMax?: number;
  readonly jobsPerAddressMax?: number;
  readonly now?: () => number;
  /** Starts a thread. Default: a worker thread of Node. */
  readonly startThread?: () => HashThread;
}

/** A thread that answers one job at a time. */
export interface HashThread {
  /** Rejects if the thread has ended. */
  run(job: HashJob): Promise<HashAnswer>;
  stop(): Promise<void>;
}

/** `busy`: the queue is full, or the job waited too long. `unavailable`: the thread failed. */
export type HashVerdict = 'matches' | 'differs' | 'busy' | 'unavailable';

interface Pending {
  readonly job: HashJob;
  readonly sinceMs: number;
  readonly resolve: (answer: HashAnswer | 'busy' | 'unavailable') => void;
}

/**
 * Computes password hashes in threads of its own, behind a bounded queue that serves addresses in turn. A thread
 * starts with the first job that needs it, and has a lower priority than the member.
 */
export class HashPool {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #now: () => number;
  readonly #startThread: () => HashThread;
  readonly #threadsMax: number;
  readonly #queue: FairQueue<Pending>;
  readonly #idle: HashThread[] = [];
  readonly #threads = new Set<HashThread>();
  #stopped = false;

  constructor(options: HashPoolOptions) {
    this.#logger = options.logger;
    this.#metrics = options.metrics ?? noMetrics;
    this.#now = options.now ?? (() => performance.now());
    this.#startThread = options.startThread ?? startWorkerThread;
    this.#threadsMax = options.threads ?? Math.max(1, Math.min(threadsMax, availableParallelism() >> 1));
    this.#queue = new FairQueue({
      itemsMax: options.jobsMax ?? jobsMax,
      itemsPerAddressMax: options.jobsPerAddressMax ?? jobsPerAddressMax,
    });
    this.#recordLength();
  }

  /** Jobs that wait for a thread. */
  get length(): number {
    return this.#queue.length;
  }

  /**
   * Compares a password with the first hash. If they differ, the pool computes the other hashes too, so that each
   * refusal costs the same. Never rejects.
   *
   * @param hasFailed whether a login of this address has failed lately
   */
  async verify(
    address: string,
    password: Uint8Array,
    hashes: readonly PasswordHash[],
    hasFailed = false,
  ): Promise<HashVerdict> {
    const answer = await this.#run(address, { password, tasks: hashes.map(taskOf) }, hasFailed);
    if (typeof answer === 'string') return answer;
    if (answer.error !== undefined) {
      this.#logger.error({ error: answer.error }, 'A password hash could not be computed');
      return 'unavailable';
    }
    return answer.matches === true ? 'matches' : 'differs';
  }

  /**
   * Returns the hash of a new password in the PHC string format, with a new salt.
   *
   * @throws Error too many jobs wait, or the thread failed
   */
  async create(password: Uint8Array): Promise<string> {
    const { ln, r, p, saltBytes, hashBytes } = newHashCost;
    const salt = randomBytes(saltBytes);
    const task: HashTask = { kind: 'scrypt', salt, length: hashBytes, ln, r, p };
    const answer = await this.#run('', { password, tasks: [task] });
    if (answer === 'busy') throw new Error('too many password checks wait; try again later');
    if (answer === 'unavailable' || answer.derived === undefined) {
      throw new Error('the password hash could not be computed');
    }
    return formatScrypt(salt, Buffer.from(answer.derived));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (let pending = this.#queue.shift(); pending !== undefined; pending = this.#queue.shift()) {
      pending.resolve('unavailable');
    }
    this.#recordLength();
    await Promise.all([...this.#threads].map((thread) => thread.stop()));
  }

  #run(address: string, job: HashJob, hasFailed = false): Promise<HashAnswer | 'busy' | 'unavailable'> {
    if (this.#stopped) return Promise.resolve('unavailable');
    return new Promise((resolve) => {
      if (!this.#queue.push(address, { job, sinceMs: this.#now(), resolve }, hasFailed))
        return resolve('busy');
      this.#serve();
      this.#recordLength();
    });
  }

  #serve(): void {
    while (this.#queue.length > 0 && !this.#stopped) {
      const thread = this.#idle.pop() ?? this.#newThread();
      if (thread === null) return;
      const pending = this.#queue.shift()!;
      if (this.#now() - pending.sinceMs > waitMsMax) {
        this.#idle.push(thread);
        pending.resolve('busy');
        continue;
      }
      void this.#runOn(thread, pending);
    }
  }

  async #runOn(thread: HashThread, { job, resolve }: Pending): Promise<void> {
    const startMs = this.#now();
    try {
      const answer = await thread.run(job);
      this.#metrics.observe(authenticationMetrics.hashSeconds, [], (this.#now() - startMs) / 1_000);
      this.#idle.push(thread);
      resolve(answer);
    } catch (error) {
      this.#threads.delete(thread);
      if (!this.#stopped) this.#logger.error({ error: String(error) }, 'A thread for password hashes ended');
      resolve('unavailable');
    }
    this.#serve();
    this.#recordLength();
  }

  #newThread(): HashThread | null {
    if (this.#threads.size >= this.#threadsMax) return null;
    const thread = this.#startThread();
    this.#threads.add(thread);
    return thread;
  }

  #recordLength(): void {
    this.#metrics.set(authenticationMetrics.hashQueueLength, [], this.#queue.length);
  }
}

function taskOf(hash: PasswordHash): HashTask {
  const { kind, salt, hash: expected } = hash;
  const common = { kind, salt, expected, length: expected.length };
  if (hash.kind === 'scrypt') return { ...common, ln: hash.ln, r: hash.r, p: hash.p };
  return hash.kind === 'pbkdf2' ? { ...common, iterations: hash.iterations } : common;
}

function startWorkerThread(): HashThread {
  const worker = new Worker(hashWorkerSource, { eval: true, name: 'password-hash' });
  // Only a job that runs keeps the process alive.
  worker.unref();
  let ended: Error | null = null;
  let fail: ((error: Error) => void) | null = null;
  const end = (error: Error): void => {
    ended ??= error;
    fail?.(ended);
  };
  worker.on('error', end);
  worker.on('exit', (code) => end(new Error(`the thread exited with code ${code}`)));
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        if (ended !== null) return reject(ended);
        fail = reject;
        worker.ref();
        worker.once('message', (answer: HashAnswer) => {
          worker.unref();
          resolve(answer);
        });
        worker.postMessage(job);
      }),
    stop: async () => void (await worker.terminate()),
  };
}
