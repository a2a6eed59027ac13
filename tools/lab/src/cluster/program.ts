import { ChildProgram } from '@mqtt-cluster/kit';
import { LabError } from '../errors.ts';
import type { ApplianceBuild } from './appliance-build.ts';

/**
 * Keeps the young generation of V8 small, because seven members share the memory of this machine (docs/BENCHMARKS.md,
 * Idle).
 */
const nodeFlags = ['--max-semi-space-size=4'];

export type ProgramState = 'running' | 'paused' | 'killed' | 'stopped' | 'crashed';

export interface ProgramOptions {
  readonly name: string;
  /** Path of the bundle. */
  readonly bundle: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Standard output and standard error are appended to this file. */
  readonly logFile: string;
  readonly onEnded: (state: ProgramState) => void;
}

/** One application of the lab, a member or the client, as a child process that can be started again. */
export class Program {
  readonly #options: ProgramOptions;
  #child: ChildProgram | null = null;
  #state: ProgramState = 'stopped';
  #ended: Promise<void> = Promise.resolve();
  /** The state to report when the process ends because of `kill` or `stop`. Null: an end of the process is a crash. */
  #requestedState: ProgramState | null = null;
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

  /** Describes how the process ended the last time: `status 1` or `SIGKILL`. */
  get exit(): string {
    return this.#exit;
  }

  /** Selects the build for the next start; null selects the bundle in {@link ProgramOptions}. */
  useBuild(build: ApplianceBuild | null): void {
    this.#build = build;
  }

  /** Starts the process. @throws LabError when the process already runs */
  start(): void {
    const { name, logFile, onEnded } = this.#options;
    const { bundle, environment } = this.#program();
    if (this.#child !== null) throw new LabError(`${name} is already running`);
    const child = new ChildProgram({
      command: process.execPath,
      args: [...nodeFlags, bundle],
      environment: { ...inheritedEnvironment(), ...environment },
      logFile,
    });
    this.#child = child;
    this.#state = 'running';
    this.#requestedState = null;
    this.#ended = child.ended.then((how) => {
      this.#child = null;
      this.#exit = how;
      this.#state = this.#requestedState ?? 'crashed';
      onEnded(this.#state);
    });
  }

  /** Ends the process with SIGKILL, as a power loss would. No signal handler of the process runs. */
  async kill(): Promise<void> {
    this.#requestedState = 'killed';
    this.#child?.signal('SIGKILL');
    await this.#ended;
  }

  /** Stops the process with SIGTERM, and kills it after 10 s. */
  async stop(): Promise<void> {
    if (this.#child === null) return;
    this.#requestedState = 'stopped';
    await this.#child.stop();
    await this.#ended;
  }

  /** Pauses the process with SIGSTOP. @throws LabError when the process does not run */
  pause(): void {
    this.#running().signal('SIGSTOP');
    this.#state = 'paused';
  }

  /** Resumes the paused process with SIGCONT. @throws LabError when the process does not run */
  resume(): void {
    this.#running().signal('SIGCONT');
    this.#state = 'running';
  }

  /** Returns the bundle and the environment of the selected build, without settings that this build does not have. */
  #program(): Pick<ProgramOptions, 'bundle' | 'environment'> {
    const build = this.#build;
    if (build === null) return this.#options;
    const accepted = Object.entries(this.#options.environment).filter(([name]) => build.variables.has(name));
    return { bundle: build.script, environment: Object.fromEntries(accepted) };
  }

  #running(): ChildProgram {
    if (this.#child === null) throw new LabError(`${this.#options.name} is not running`);
    return this.#child;
  }
}

/**
 * Returns this process's environment without settings of the appliance and the client, which would override the lab's
 * settings.
 */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  const settingPattern = /^MQTT_(CLUSTER|CLIENT)_/;
  const others = Object.entries(process.env).filter(([name]) => !settingPattern.test(name));
  return { ...Object.fromEntries(others), NODE_OPTIONS: '' };
}
