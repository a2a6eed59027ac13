import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { MemberStatus, ServingState } from '@mqtt-cluster/contracts';
import { LabError } from '../errors.ts';
import type { FaultAction } from '../fault-plan.ts';
import { checkPortsFree, findMember } from '../layout.ts';
import type { Layout, MemberPlace } from '../layout.ts';
import { Links } from '../network/links.ts';
import { applianceEnvironment } from './environment.ts';
import { isReady, readStatus } from './http.ts';
import { Program } from './program.ts';
import type { ProgramState } from './program.ts';

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
  readonly link: 'ok' | 'cut' | 'slow';
  /** What the member says of itself; null when it does not answer. */
  readonly status: (Partial<MemberStatus> & { readonly counters?: Record<string, unknown> }) | null;
}

/** The appliances of one lab, their links, and the faults. */
export class Cluster {
  readonly layout: Layout;
  readonly #options: ClusterOptions;
  readonly #links: Links;
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #crashes: string[] = [];
  #closing = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.layout = options.layout;
    this.#links = new Links(options.layout);
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

  /** Which members ended without being told to, one sentence each. */
  get crashes(): readonly string[] {
    return this.#crashes;
  }

  /** Starts all and waits until all serve. @throws LabError when an address is taken or one does not come up. */
  async up(): Promise<void> {
    await checkPortsFree(this.layout);
    try {
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
   * Carries out one fault and waits until it is done; `start` until the members serve.
   * @param groups members by id, number or address; several groups only for `cut`.
   * @throws UsageError for an unknown member, LabError when the fault makes no sense now.
   */
  async fault(action: FaultAction, groups: readonly (readonly string[])[]): Promise<void> {
    const places = groups.map((group) => group.map((name) => findMember(this.layout, name)));
    const members = places.flat();
    switch (action) {
      case 'cut':
        return this.#links.cut(places.map((group) => group.map(({ id }) => id)));
      case 'slow':
        return this.#links.slow(members.map(({ id }) => id));
      case 'heal':
        return this.#links.heal();
      case 'pause':
        return members.forEach((member) => this.#programOf(member).pause());
      case 'resume':
        return members.forEach((member) => this.#programOf(member).resume());
      case 'kill':
        return this.#each(members, (member) => this.#programOf(member).kill());
      case 'stop':
        return this.#each(members, (member) => this.#programOf(member).stop());
      case 'wipe':
        return this.#each(members, async (member) => {
          await this.#programOf(member).kill();
          rmSync(this.#dataFolder(member), { recursive: true, force: true });
        });
      case 'start':
        return this.#each(members, (member) => this.#start(member));
    }
  }

  async #each(members: readonly MemberPlace[], act: (member: MemberPlace) => Promise<void>): Promise<void> {
    await Promise.all(members.map(act));
  }

  async #start(member: MemberPlace): Promise<void> {
    const program = this.#programOf(member);
    if (program.state === 'paused') program.resume();
    if (program.state !== 'running') {
      await this.#links.memberStarts(member.id);
      program.start();
      this.#options.onChange?.();
    }
    await this.#serves(member, startMsMax);
  }

  /** Mends and starts whatever is not running, and waits until all serve. @throws LabError */
  async restore(): Promise<void> {
    this.#links.heal();
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
          status: running ? await readStatus(member.host, member.httpPort) : null,
        };
      }),
    );
  }
}
