import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { MemberStatus, ServingState } from '@mqtt-cluster/contracts';
import { LabError, UsageError } from '../errors.ts';
import type { FaultAction } from '../fault-forms.ts';
import type { Layout, MemberPlace } from '../layout.ts';
import { applianceEnvironment } from './environment.ts';
import { isReady, readStatus } from './http.ts';
import { Program } from './program.ts';
import type { ProgramState } from './program.ts';
import { TestingFaults } from './testing-faults.ts';

const readyPollMs = 50;

export interface MemberOptions {
  readonly layout: Layout;
  readonly folder: string;
  /** Path of the appliance's bundle. */
  readonly script: string;
  readonly logLevel: string;
  readonly publisherRate: number;
  readonly overrides: readonly (readonly [string, string])[];
}

export interface MemberReport {
  readonly id: string;
  readonly mqtt: string;
  readonly http: string;
  readonly pid: number | null;
  readonly process: ProgramState;
  /** `ok`, or the worst of the faults of its links. */
  readonly link: string;
  /** What is wrong with its disk and clock; empty when nothing is. */
  readonly faults: string;
  /** What the member says of itself; null when it does not answer. */
  readonly status: (Partial<MemberStatus> & { readonly counters?: Record<string, unknown> }) | null;
}

/** One appliance of a lab: its process, its data, and the faults it has within itself. */
export class LabMember {
  readonly place: MemberPlace;
  readonly program: Program;
  readonly #folder: string;
  readonly #dataFolder: string;
  readonly #testing: TestingFaults;

  constructor(place: MemberPlace, options: MemberOptions, onGone: (state: ProgramState) => void) {
    const { layout, folder, script, ...settings } = options;
    this.place = place;
    this.#folder = join(folder, place.id);
    this.#dataFolder = join(this.#folder, 'data');
    this.#testing = new TestingFaults(place.id, join(this.#folder, 'faults.json'));
    this.program = new Program({
      name: place.id,
      script,
      environment: applianceEnvironment(layout, place, {
        ...settings,
        dataFolder: this.#dataFolder,
        faultsFile: this.#testing.file,
      }),
      logFile: this.#logFile,
      onGone,
    });
  }

  get #logFile(): string {
    return join(this.#folder, 'log.jsonl');
  }

  get runs(): boolean {
    return this.program.state === 'running';
  }

  /** In one sentence that it ended by itself, and how. */
  describeCrash(): string {
    return `${this.place.id} ended by itself (${this.program.exit}); its log: ${this.#logFile}`;
  }

  /** Starts it for the first time in this lab. */
  begin(): void {
    this.#testing.clear();
    this.program.start();
  }

  async wipe(): Promise<void> {
    await this.program.kill();
    rmSync(this.#dataFolder, { recursive: true, force: true });
  }

  /** @param value see `FaultCommand`. */
  async faultWithin(action: 'full-disk' | 'slow-disk' | 'clock', value?: number): Promise<void> {
    const waits = (): boolean => this.runs;
    if (action === 'full-disk') return this.#testing.fillDisk(waits);
    if (action === 'slow-disk') return this.#testing.slowDisk(needed(action, value), waits);
    return this.#testing.setClock(needed(action, value), waits);
  }

  /** Its disk and clock are sound again. */
  heal(): Promise<void> {
    return this.#testing.heal(() => this.runs);
  }

  /**
   * Resolves when it is ready.
   * @param state that it must be in too; ready is enough without one.
   * @throws LabError when it ends, or is not ready after `msMax`
   */
  async serves(msMax: number, state?: ServingState): Promise<void> {
    const deadline = performance.now() + msMax;
    while (performance.now() < deadline) {
      if (!this.runs) throw new LabError(this.describeCrash());
      if (await this.#isReady(state)) return;
      await new Promise((resolve) => setTimeout(resolve, readyPollMs));
    }
    const status = await readStatus(this.place.host, this.place.httpPort);
    const why =
      typeof status?.['reason'] === 'string' && status['reason'] !== '' ? `: ${status['reason']}` : '';
    throw new LabError(`${this.place.id} does not serve after ${msMax / 1_000} s${why}`);
  }

  async #isReady(state: ServingState | undefined): Promise<boolean> {
    const { host, httpPort } = this.place;
    if (!(await isReady(host, httpPort))) return false;
    return state === undefined || (await readStatus(host, httpPort))?.['state'] === state;
  }

  /** @param link how its links are. */
  async report(link: string): Promise<MemberReport> {
    const { id, host, mqttPort, httpPort } = this.place;
    return {
      id,
      mqtt: `${host}:${mqttPort}`,
      http: `${host}:${httpPort}`,
      pid: this.program.pid,
      process: this.program.state,
      link,
      faults: this.#testing.describe(),
      status: this.runs ? await readStatus(host, httpPort) : null,
    };
  }
}

/** @throws UsageError when it is missing */
export function needed(action: FaultAction, value: number | undefined): number {
  if (value === undefined) throw new UsageError(`${action} needs a value`);
  return value;
}
