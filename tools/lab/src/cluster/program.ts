import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { LabError } from '../errors.ts';
import type { ApplianceBuild } from './appliance-build.ts';

/** A small young generation: seven members share this machine's memory (docs/BENCHMARKS.md, Idle). */
const nodeFlags = ['--max-semi-space-size=4'];

const stopMsMax = 10_000;

export type ProgramState = 'running' | 'paused' | 'killed' | 'stopped' | 'crashed';

export interface ProgramOptions {
  readonly name: string;
  /** Path of the bundle. */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  readonly onGone: (state: ProgramState) => void;
}

/** One appliance (or the client) as a child process, and what can be done to it. */
export class Program {
  readonly #options: ProgramOptions;
  #child: ChildProcess | null = null;
  #state: ProgramState = 'stopped';
  #gone: Promise<void> = Promise.resolve();
  #expected: ProgramState | null = null;
  #exit = '';
  #build: ApplianceBuild | null = null;

  constructor(options: ProgramOptions) {
    this.#options = options;
  }

  get state(): ProgramState {
    return this.#state;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** How it ended the last time, for messages. */
  get exit(): string {
    return this.#exit;
  }

  /** Selects the build of the next start; null selects the bundle of the options. */
  useBuild(build: ApplianceBuild | null): void {
    this.#build = build;
  }

  /** @throws LabError when it runs already. */
  start(): void {
    const { name, logFile, onGone } = this.#options;
    const { script, environment } = this.#program();
    if (this.#child !== null) throw new LabError(`${name} is running already`);
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'a');
    const child = spawn(process.execPath, [...nodeFlags, script], {
      env: { ...inherited(), ...environment },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    this.#state = 'running';
    this.#expected = null;
    this.#gone = new Promise((resolve) => {
      const finish = (how: string): void => {
        if (this.#child !== child) return;
        this.#child = null;
        this.#exit = how;
        this.#state = this.#expected ?? 'crashed';
        onGone(this.#state);
        resolve();
      };
      child.once('exit', (code, signal) => finish(signal ?? `status ${code}`));
      child.once('error', (error) => finish(error.message));
    });
  }

  /** Power loss, as far as a process goes: no handler runs. */
  async kill(): Promise<void> {
    this.#expected = 'killed';
    this.#child?.kill('SIGKILL');
    await this.#gone;
  }

  /** Asks it to stop; what has not ended in 10 s is killed. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#expected = 'stopped';
    if (this.#state === 'paused') child.kill('SIGCONT');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await this.#gone;
    clearTimeout(timer);
  }

  /** @throws LabError when it does not run. */
  pause(): void {
    this.#running().kill('SIGSTOP');
    this.#state = 'paused';
  }

  /** @throws LabError when it does not run. */
  resume(): void {
    this.#running().kill('SIGCONT');
    this.#state = 'running';
  }

  #program(): Pick<ProgramOptions, 'script' | 'environment'> {
    const build = this.#build;
    if (build === null) return this.#options;
    const accepted = Object.entries(this.#options.environment).filter(([name]) => build.variables.has(name));
    return { script: build.script, environment: Object.fromEntries(accepted) };
  }

  #running(): ChildProcess {
    if (this.#child === null) throw new LabError(`${this.#options.name} does not run`);
    return this.#child;
  }
}

/** The caller's environment without settings of the same programs, which would mix with those of the lab. */
function inherited(): NodeJS.ProcessEnv {
  const ours = /^MQTT_(CLUSTER|CLIENT)_/;
  const others = Object.entries(process.env).filter(([name]) => !ours.test(name));
  return { ...Object.fromEntries(others), NODE_OPTIONS: '' };
}
