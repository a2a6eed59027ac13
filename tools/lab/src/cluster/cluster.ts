import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { MemberStatus, ServingState } from '@mqtt-cluster/contracts';
import { LabError, UsageError } from '../errors.ts';
import type { FaultAction } from '../fault-forms.ts';
import { checkPortsFree, findMember } from '../layout.ts';
import type { Layout, MemberPlace } from '../layout.ts';
import { Links } from '../network/links.ts';
import { applianceEnvironment } from './environment.ts';
import { isReady, readStatus } from './http.ts';
import { Program } from './program.ts';
import type { ProgramState } from './program.ts';
import { TestingFaults } from './testing-faults.ts';

const readyPollMs = 50;
const upMsMax = 60_000;
const startMsMax = 30_000;

export interface ClusterOptions {
  readonly layout: Layout;
  readonly folder: string;
  /** Path of the appliance's bundle. */
  readonly script: string;
  readonly logLevel: string;
  readonly publisherRate: number;
  readonly overrides: readonly (readonly [string, string])[];
  /** Something changed that lab.json records. */
  readonly onChange?: () => void;
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

/**
 * The appliances of one lab, their links, and the faults. Its members are child processes of this one and end with it; see
 * `startCluster`.
 */
export class Cluster {
  readonly layout: Layout;
  readonly #options: ClusterOptions;
  readonly #links: Links;
  readonly #testing: ReadonlyMap<string, TestingFaults>;
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #crashes: string[] = [];
  #closing = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.layout = options.layout;
    this.#links = new Links(options.layout);
    this.#testing = new Map(
      options.layout.members.map(({ id }) => [
        id,
        new TestingFaults(id, join(options.folder, id, 'faults.json')),
      ]),
    );
    this.#programs = new Map(options.layout.members.map((member) => [member.id, this.#program(member)]));
  }

  #program(member: MemberPlace): Program {
    const { folder, script, logLevel, publisherRate, overrides } = this.#options;
    const dataFolder = this.#dataFolder(member);
    return new Program({
      name: member.id,
      script,
      environment: applianceEnvironment(this.layout, member, {
        dataFolder,
        faultsFile: this.#testingOf(member).file,
        logLevel,
        publisherRate,
        overrides,
      }),
      logFile: join(folder, member.id, 'log.jsonl'),
      onGone: (state) => {
        this.#links.memberGone(member.id);
        if (state === 'crashed' && !this.#closing) this.#crashes.push(this.#describeCrash(member));
        this.#options.onChange?.();
      },
    });
  }

  #dataFolder(member: MemberPlace): string {
    return join(this.#options.folder, member.id, 'data');
  }

  #describeCrash(member: MemberPlace): string {
    const log = join(this.#options.folder, member.id, 'log.jsonl');
    return `${member.id} ended by itself (${this.#programOf(member).exit}); its log: ${log}`;
  }

  #programOf(member: MemberPlace): Program {
    const program = this.#programs.get(member.id);
    if (program === undefined) throw new LabError(`no member ${member.id}`);
    return program;
  }

  #testingOf(member: MemberPlace): TestingFaults {
    const testing = this.#testing.get(member.id);
    if (testing === undefined) throw new LabError(`no member ${member.id}`);
    return testing;
  }

  /** Which members ended without being told to, one sentence each. */
  get crashes(): readonly string[] {
    return this.#crashes;
  }

  /** Starts all and waits until all serve. @throws LabError when an address is taken or one does not come up. */
  async up(): Promise<void> {
    await checkPortsFree(this.layout);
    try {
      for (const testing of this.#testing.values()) testing.clear();
      await this.#links.open();
      for (const member of this.layout.members) this.#programOf(member).start();
      this.#options.onChange?.();
      await this.#allServe(upMsMax);
    } catch (error) {
      await this.down();
      throw error;
    }
  }

  /** Ends everything at once. Data stays. */
  async down(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#programs.values()].map((program) => program.kill()));
    this.#links.close();
  }

  /** Lets every member end by itself. Data stays. */
  async stop(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#programs.values()].map((program) => program.stop()));
    this.#links.close();
  }

  /** Ready, and none of them without a majority. */
  async #allServe(msMax: number): Promise<void> {
    await this.#each(this.layout.members, (member) => this.#serves(member, msMax, 'serving'));
  }

  /** @param state that the member must be in too; ready is enough without one. */
  async #serves(member: MemberPlace, msMax: number, state?: ServingState): Promise<void> {
    const deadline = performance.now() + msMax;
    const program = this.#programOf(member);
    while (performance.now() < deadline) {
      if (program.state !== 'running') throw new LabError(this.#describeCrash(member));
      if (await this.#isReady(member, state)) return;
      await new Promise((resolve) => setTimeout(resolve, readyPollMs));
    }
    const status = await readStatus(member.host, member.httpPort);
    const why =
      typeof status?.['reason'] === 'string' && status['reason'] !== '' ? `: ${status['reason']}` : '';
    throw new LabError(`${member.id} does not serve after ${msMax / 1_000} s${why}`);
  }

  async #isReady({ host, httpPort }: MemberPlace, state: ServingState | undefined): Promise<boolean> {
    if (!(await isReady(host, httpPort))) return false;
    return state === undefined || (await readStatus(host, httpPort))?.['state'] === state;
  }

  /**
   * Carries out one fault and waits until it is done; `start` and `rolling` until the members serve.
   * @param groups members by id, number or address; several groups only for `cut` and `one-way`.
   * @param value of those faults that take one, see `FaultCommand`.
   * @throws UsageError for an unknown member, LabError when the fault makes no sense now.
   */
  async fault(action: FaultAction, groups: readonly (readonly string[])[], value?: number): Promise<void> {
    const places = groups.map((group) => group.map((name) => findMember(this.layout, name)));
    const members = places.flat();
    const ids = members.map(({ id }) => id);
    switch (action) {
      case 'cut':
        return this.#links.cut(places.map((group) => group.map(({ id }) => id)));
      case 'one-way':
        return this.#oneWay(places);
      case 'flap':
        return this.#links.flap(ids);
      case 'slow':
        return this.#links.slow(ids);
      case 'loss':
        return this.#links.lose(ids, needed(action, value));
      case 'throttle':
        return this.#links.throttle(ids, needed(action, value));
      case 'full-disk':
      case 'slow-disk':
      case 'clock':
        return this.#each(members, (member) => this.#faultWithin(action, member, value));
      case 'heal':
        return this.#heal();
      case 'rolling':
        return this.#roll(members.length === 0 ? this.layout.members : members);
      default:
        return this.#each(members, (member) => this.#faultOfProcess(action, member));
    }
  }

  #oneWay([sources = [], targets]: readonly (readonly MemberPlace[])[]): void {
    const others = this.layout.members.filter((member) => !sources.includes(member));
    this.#links.oneWay(
      sources.map(({ id }) => id),
      (targets ?? others).map(({ id }) => id),
    );
  }

  async #faultWithin(
    action: 'full-disk' | 'slow-disk' | 'clock',
    member: MemberPlace,
    value?: number,
  ): Promise<void> {
    const testing = this.#testingOf(member);
    const waits = (): boolean => this.isRunning(member);
    if (action === 'full-disk') return testing.fillDisk(waits);
    if (action === 'slow-disk') return testing.slowDisk(needed(action, value), waits);
    return testing.setClock(needed(action, value), waits);
  }

  async #faultOfProcess(
    action: 'pause' | 'resume' | 'kill' | 'stop' | 'wipe' | 'start',
    member: MemberPlace,
  ): Promise<void> {
    const program = this.#programOf(member);
    switch (action) {
      case 'pause':
        return program.pause();
      case 'resume':
        return program.resume();
      case 'kill':
        return program.kill();
      case 'stop':
        return program.stop();
      case 'start':
        return this.#start(member);
      case 'wipe':
        await program.kill();
        rmSync(this.#dataFolder(member), { recursive: true, force: true });
    }
  }

  /** Ends all faults of links, disks and clocks; processes stay as they are. */
  async #heal(): Promise<void> {
    this.#links.heal();
    await this.#each(this.layout.members, (member) =>
      this.#testingOf(member).heal(() => this.isRunning(member)),
    );
  }

  /** One after the other ends by itself, starts and serves. */
  async #roll(members: readonly MemberPlace[]): Promise<void> {
    for (const member of members) {
      await this.#programOf(member).stop();
      await this.#start(member, 'serving');
    }
  }

  async #each(members: readonly MemberPlace[], act: (member: MemberPlace) => Promise<void>): Promise<void> {
    await Promise.all(members.map(act));
  }

  async #start(member: MemberPlace, state?: ServingState): Promise<void> {
    const program = this.#programOf(member);
    if (program.state === 'paused') program.resume();
    if (program.state !== 'running') {
      await this.#links.memberStarts(member.id);
      program.start();
      this.#options.onChange?.();
    }
    await this.#serves(member, startMsMax, state);
  }

  /** Mends and starts whatever is not running, and waits until all serve. @throws LabError */
  async restore(): Promise<void> {
    await this.#heal();
    await this.#each(this.layout.members, (member) => this.#start(member));
    await this.#allServe(startMsMax);
  }

  isRunning(member: MemberPlace): boolean {
    return this.#programOf(member).state === 'running';
  }

  /** What runs now, by member. */
  pidsById(): [string, number][] {
    return [...this.#programs].flatMap(([id, { pid }]) => (pid === null ? [] : [[id, pid]]));
  }

  async report(): Promise<MemberReport[]> {
    return Promise.all(
      this.layout.members.map(async (member): Promise<MemberReport> => {
        const program = this.#programOf(member);
        const running = program.state === 'running';
        return {
          id: member.id,
          mqtt: `${member.host}:${member.mqttPort}`,
          http: `${member.host}:${member.httpPort}`,
          pid: program.pid,
          process: program.state,
          link: this.#links.describe(member.id),
          faults: this.#testingOf(member).describe(),
          status: running ? await readStatus(member.host, member.httpPort) : null,
        };
      }),
    );
  }
}

function needed(action: FaultAction, value: number | undefined): number {
  if (value === undefined) throw new UsageError(`${action} needs a value`);
  return value;
}
