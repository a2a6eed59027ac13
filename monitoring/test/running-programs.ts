import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from '../src/index.ts';
import type { MonitoringProgram } from '../src/index.ts';

const startMsMax = 60_000;
const pollMs = 100;

/** A program of the monitoring that a test runs on the loopback address. */
export class RunningProgram {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** Starts the program and waits until it is ready. @throws Error when it does not become ready */
  static async start(
    program: MonitoringProgram,
    argv: readonly string[],
    address: string,
  ): Promise<RunningProgram> {
    const child = spawn(findProgram(program), argv, { stdio: 'ignore' });
    const running = new RunningProgram(`http://${address}`, child);
    const isReady = async (): Promise<boolean> =>
      (await fetch(`${running.url}/-/ready`).catch(() => null))?.ok === true;
    const deadline = performance.now() + startMsMax;
    while (!(await isReady())) {
      if (performance.now() > deadline || child.exitCode !== null) {
        await running.kill();
        throw new Error(`${program} did not start`);
      }
      await sleep(pollMs);
    }
    return running;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}
