import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { lastLines } from './run-command.ts';

const stopTimeoutMsDefault = 10_000;
const quotedLinesMax = 3;
const quotedCharactersMax = 600;

export interface ChildProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Standard output and standard error are appended to this file; its folder is created. */
  readonly logFile: string;
  /** The environment variables of the program; the environment of this process by default. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Gives the program a process group of its own; signals then reach all processes that it started. */
  readonly ownGroup?: boolean;
  /** Connects standard output to {@link ChildProgram.output} instead of the log. */
  readonly pipesOutput?: boolean;
}

/**
 * A program that runs as a child process until it ends or is stopped. A failed start is reported by {@link ended}, not
 * thrown.
 */
export class ChildProgram {
  readonly logFile: string;
  /**
   * Resolves when the program has ended, with the exit status (`status 1`), the signal (`SIGKILL`) or the error of a
   * failed start.
   */
  readonly ended: Promise<string>;
  /** Standard output of the program with the option `pipesOutput`; otherwise null. */
  readonly output: Readable | null;
  readonly #child: ChildProcess;
  readonly #ownGroup: boolean;

  constructor(options: ChildProgramOptions) {
    const {
      command,
      args,
      logFile,
      environment = process.env,
      ownGroup = false,
      pipesOutput = false,
    } = options;
    this.logFile = logFile;
    this.#ownGroup = ownGroup;
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'a');
    // The program writes to the log file directly, so its output does not pass through this process.
    const child = spawn(command, args, {
      stdio: ['ignore', pipesOutput ? 'pipe' : log, log],
      detached: ownGroup,
      env: environment,
    });
    closeSync(log);
    this.#child = child;
    this.output = child.stdout;
    this.ended = new Promise((resolve) => {
      child.once('exit', (status, signal) => resolve(signal ?? `status ${status}`));
      child.once('error', (error) => resolve(error.message));
    });
  }

  /** Process id; null when the program has ended or could not be started. */
  get pid(): number | null {
    return this.hasEnded ? null : (this.#child.pid ?? null);
  }

  get hasEnded(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }

  /** Sends a signal. Does nothing when the program has ended. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this;
    if (pid === null) return;
    try {
      process.kill(this.#ownGroup ? -pid : pid, signal);
    } catch {
      // The program has ended meanwhile.
    }
  }

  /** Ends the program at once with SIGKILL, as a power loss would. No signal handler of the program runs. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** Resumes the program if it is paused, sends SIGTERM, and kills it after `timeoutMs` (10 s by default). */
  async stop(timeoutMs = stopTimeoutMsDefault): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), timeoutMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** Returns the last lines of the log in one line, for an error message. */
  lastLogLines(): string {
    return lastLines(readFileSync(this.logFile, 'utf8'), quotedLinesMax).slice(-quotedCharactersMax);
  }
}

/** Kills the programs with SIGKILL when this process exits. A paused program would not handle SIGTERM. */
export function killOnExit(programs: () => Iterable<ChildProgram>): void {
  process.once('exit', () => {
    for (const program of programs()) program.signal('SIGKILL');
  });
}
