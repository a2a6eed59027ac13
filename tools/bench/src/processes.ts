import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildProgram } from '@mqtt-cluster/kit';

const stopMsMax = 5_000;

export interface StartedProcess {
  readonly name: string;
  readonly program: ChildProgram;
}

/** The processes and temporary directories of the bench. They are removed when the bench exits. */
export class Processes {
  readonly #started = new Set<ChildProgram>();
  readonly #children = new Set<ChildProcess>();
  readonly #directories = new Set<string>();

  constructor() {
    process.once('exit', () => this.#cleanUp());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
    }
  }

  /** Returns a new temporary directory; the bench deletes it when it exits. */
  directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'mqtt-cluster-bench-'));
    this.#directories.add(path);
    return path;
  }

  removeDirectory(path: string): void {
    rmSync(path, { recursive: true, force: true });
    this.#directories.delete(path);
  }

  /** Starts a program. @param environment environment variables in addition to those of the bench */
  start(
    name: string,
    command: string,
    args: readonly string[],
    logFile: string,
    environment: Readonly<Record<string, string>> = {},
  ): StartedProcess {
    const program = new ChildProgram({
      command,
      args,
      logFile,
      environment: { ...process.env, ...environment },
    });
    this.#started.add(program);
    void program.ended.then(() => this.#started.delete(program));
    return { name, program };
  }

  /** Registers a child process that the caller has started. The bench kills it when the bench exits. */
  adopt(child: ChildProcess): void {
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
  }

  /** Stops programs with SIGTERM, and kills them after 5 s. */
  async stop(processes: readonly StartedProcess[]): Promise<void> {
    await Promise.all(processes.map(({ program }) => program.stop(stopMsMax)));
  }

  #cleanUp(): void {
    for (const program of this.#started) program.signal('SIGKILL');
    for (const child of this.#children) child.kill('SIGKILL');
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }
}
