import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseJson } from '@mqtt-cluster/contracts';
import { findProgram } from '@mqtt-cluster/kit';
import type { Processes } from '../../processes.ts';
import { sumOfGains } from './gain.ts';
import { progressSchema } from './protocol.ts';
import type { Gain, Progress, Target } from './protocol.ts';
import { attackArgument } from './serve.ts';

const niceness = 19;

/** One process of an attack, at the lowest priority of the scheduler. */
class AttackerProcess {
  readonly #child: ChildProcess;
  #progress: Progress = { state: 'preparing', gain: {} };
  #started = false;
  #ended = false;
  #stopping = false;

  constructor(processes: Processes, target: Target) {
    const nice = findProgram('nice');
    if (nice === null) throw new Error('the program nice (coreutils) is not installed');
    const args = [process.argv[1]!, attackArgument, JSON.stringify(target)];
    // A priority that a process sets for itself does not reach the threads that Node has already started.
    this.#child = spawn(nice, ['-n', String(niceness), process.execPath, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    processes.adopt(this.#child);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#started = true;
      this.#progress = parseJson(progressSchema, line) ?? this.#progress;
    });
    this.#child.once('error', () => (this.#ended = true));
    this.#child.once('exit', () => (this.#ended = true));
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** True once the process has begun its attack. */
  get hasStarted(): boolean {
    return this.#started;
  }

  /** True if the process ended although the bench did not stop it. */
  get hasFailed(): boolean {
    return this.#ended && !this.#stopping;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#ended) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** All processes of one attack. */
export class AttackerProcesses {
  readonly #processes: readonly AttackerProcess[];

  /** @param target the target of the first process */
  constructor(processes: Processes, target: Target) {
    this.#processes = Array.from(
      { length: target.parts },
      (_, part) => new AttackerProcess(processes, { ...target, part }),
    );
  }

  get gain(): Gain {
    return sumOfGains(this.#processes.map(({ progress }) => progress.gain));
  }

  get hasFailed(): boolean {
    return this.#processes.some(({ hasFailed }) => hasFailed);
  }

  get haveStarted(): boolean {
    return this.#processes.every(({ hasStarted }) => hasStarted);
  }

  /** Returns whether all processes have reached the state. */
  haveReached(state: 'prepared' | 'done'): boolean {
    return this.#processes.every(
      ({ progress }) => progress.state === state || (state === 'prepared' && progress.state === 'done'),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.stop()));
  }
}
