import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const stopMsMax = 5_000;

export interface StartedProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly logFile: string | null;
}

/** All that this program starts, so that it ends all of it, however it ends itself. */
export class Processes {
  readonly #started = new Set<StartedProcess>();
  readonly #directories = new Set<string>();

  constructor() {
    process.once('exit', () => this.#killAll());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
    }
  }

  /** A fresh directory that goes with this program. */
  directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'mqtt-cluster-bench-'));
    this.#directories.add(path);
    return path;
  }

  removeDirectory(path: string): void {
    rmSync(path, { recursive: true, force: true });
    this.#directories.delete(path);
  }

  start(
    name: string,
    command: string,
    args: readonly string[],
    logFile: string,
    environment: Readonly<Record<string, string>> = {},
  ): StartedProcess {
    const log = openSync(logFile, 'a');
    const child = spawn(command, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
    });
    closeSync(log);
    child.on('error', () => undefined); // told by its exit code
    return this.#add({ name, child, logFile });
  }

  adopt(name: string, child: ChildProcess): StartedProcess {
    return this.#add({ name, child, logFile: null });
  }

  /** Asks them to stop; what has not ended in 5 s is killed. */
  async stop(processes: readonly StartedProcess[]): Promise<void> {
    await Promise.all(processes.map((each) => this.#stopOne(each)));
  }

  #add(started: StartedProcess): StartedProcess {
    this.#started.add(started);
    started.child.once('exit', () => this.#started.delete(started));
    return started;
  }

  async #stopOne({ child }: StartedProcess): Promise<void> {
    if (hasEnded(child)) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await ended;
    clearTimeout(timer);
  }

  #killAll(): void {
    for (const { child } of this.#started) if (!hasEnded(child)) child.kill('SIGKILL');
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }
}

export function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** The last lines of a process' log, for an error message. */
export function lastWords({ logFile }: StartedProcess): string {
  const lines = logFile === null ? [] : readFileSync(logFile, 'utf8').trim().split('\n');
  return lines.slice(-3).join(' | ').slice(-600);
}
