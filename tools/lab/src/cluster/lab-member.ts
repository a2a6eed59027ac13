import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { MemberStatus, ServingState } from '@mqtt-cluster/contracts';
import { poll, UsageError } from '@mqtt-cluster/kit';
import { LabError } from '../errors.ts';
import type { FaultAction } from '../fault-forms.ts';
import type { Layout, MemberPlace } from '../layout.ts';
import type { LabSecurity } from '../security/lab-security.ts';
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
  readonly bundle: string;
  /** Letter of the cluster among several on this machine. */
  readonly site: string;
  readonly logLevel: string;
  readonly publisherRate: number;
  /** Null: everything is plain, and clients are anonymous. */
  readonly security: LabSecurity | null;
  readonly overrides: readonly (readonly [string, string])[];
}

export interface MemberReport {
  readonly id: string;
  readonly mqtt: string;
  readonly http: string;
  readonly pid: number | null;
  readonly process: ProgramState;
  /** `ok`, or the most severe fault of the member's links. */
  readonly link: string;
  /** Faults of the member's disk and clock; an empty text without faults. */
  readonly faults: string;
  /** The status that the member reports; null when the member does not respond. */
  readonly status: (Partial<MemberStatus> & { readonly counters?: Record<string, unknown> }) | null;
}

/** One member of a lab: the member's process, data, and faults of disk and clock. */
export class LabMember {
  readonly place: MemberPlace;
  readonly program: Program;
  readonly #folder: string;
  readonly #dataFolder: string;
  readonly #testing: TestingFaults;

  constructor(place: MemberPlace, options: MemberOptions, onEnded: (state: ProgramState) => void) {
    const { layout, folder, bundle, ...settings } = options;
    this.place = place;
    this.#folder = join(folder, place.id);
    this.#dataFolder = join(this.#folder, 'data');
    this.#testing = new TestingFaults(place.id, join(this.#folder, 'faults.json'));
    this.program = new Program({
      name: place.id,
      bundle,
      environment: applianceEnvironment(layout, place, {
        ...settings,
        dataFolder: this.#dataFolder,
        faultsFile: this.#testing.file,
      }),
      logFile: this.#logFile,
      onEnded,
    });
  }

  get #logFile(): string {
    return join(this.#folder, 'log.jsonl');
  }

  get isRunning(): boolean {
    return this.program.state === 'running';
  }

  /** Returns one sentence with the exit status or signal of the member's process, and the path of its log. */
  describeCrash(): string {
    return `${this.place.id} ended unexpectedly (${this.program.exit}); its log: ${this.#logFile}`;
  }

  /** Starts the member for the first time in this lab, without the faults that an earlier lab left in the folder. */
  startFirst(): void {
    this.#testing.clear();
    this.program.start();
  }

  /** Kills the member and deletes its data. */
  async wipe(): Promise<void> {
    await this.program.kill();
    rmSync(this.#dataFolder, { recursive: true, force: true });
  }

  /** Injects a fault of the disk or the clock. @param value the value of the fault, see `FaultCommand` */
  async injectTestingFault(action: 'full-disk' | 'slow-disk' | 'clock', value?: number): Promise<void> {
    const isRunning = (): boolean => this.isRunning;
    if (action === 'full-disk') return this.#testing.fillDisk(isRunning);
    if (action === 'slow-disk') return this.#testing.slowDisk(requireValue(action, value), isRunning);
    return this.#testing.setClock(requireValue(action, value), isRunning);
  }

  /** Ends the faults of the member's disk and clock. */
  heal(): Promise<void> {
    return this.#testing.heal(() => this.isRunning);
  }

  /**
   * Waits until the member is ready.
   *
   * @param state the state that the ready member must also report; undefined allows any state
   * @throws LabError when the member ends, or when it is not ready after `msMax`
   */
  async waitUntilServing(msMax: number, state?: ServingState): Promise<void> {
    const isServing = await poll(
      async () => {
        if (!this.isRunning) throw new LabError(this.describeCrash());
        return (await this.#isReady(state)) ? true : undefined;
      },
      { timeoutMs: msMax, intervalMs: readyPollMs },
    );
    if (isServing) return;
    const status = await readStatus(this.place.host, this.place.httpPort);
    const reason = status?.['reason'];
    const why = typeof reason === 'string' && reason !== '' ? `: ${reason}` : '';
    throw new LabError(`${this.place.id} does not serve after ${msMax / 1_000} s${why}`);
  }

  async #isReady(state: ServingState | undefined): Promise<boolean> {
    const { host, httpPort } = this.place;
    if (!(await isReady(host, httpPort))) return false;
    return state === undefined || (await readStatus(host, httpPort))?.['state'] === state;
  }

  /** Returns what is known without asking the member. @param link the state of the member's links */
  describe(link: string): Pick<MemberReport, 'id' | 'process' | 'link' | 'faults'> {
    return { id: this.place.id, process: this.program.state, link, faults: this.#testing.describe() };
  }

  /** Returns the state of the member. @param link the state of the member's links, see {@link MemberReport} */
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
      status: this.isRunning ? await readStatus(host, httpPort) : null,
    };
  }
}

/** Returns the value of a fault. @throws UsageError when it is missing */
export function requireValue(action: FaultAction, value: number | undefined): number {
  if (value === undefined) throw new UsageError(`${action} needs a value`);
  return value;
}
