import type { ServingState } from '@mqtt-cluster/contracts';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { LabError } from '../errors.ts';
import type { FaultAction } from '../fault-forms.ts';
import type { ApplianceBuild } from './appliance-build.ts';
import { checkPortsFree, findMember } from '../layout.ts';
import type { Layout, MemberPlace } from '../layout.ts';
import { Links } from '../network/links.ts';
import type { LabSecurity } from '../security/lab-security.ts';
import { LabMember, requireValue } from './lab-member.ts';
import type { MemberOptions, MemberReport } from './lab-member.ts';

/** Longest time from the start of a member's process until the member serves; the caller may choose another time for the first start. */
const servingMsMax = 60_000;

export interface ClusterOptions extends MemberOptions {
  /** Called when the process id of a member changes, so that `lab.json` can be written again. */
  readonly onChange?: () => void;
  /** The builds with which members start, by position in the layout. A member without a build starts with `bundle`. */
  readonly builds?: readonly (ApplianceBuild | null)[];
  /** Longest time until all members serve for the first time, ms; 60 s by default. */
  readonly startMsMax?: number;
}

/** The members of one lab, their links, and their faults. The members are child processes of this process. */
export class Cluster {
  readonly layout: Layout;
  readonly security: LabSecurity | null;
  readonly #onChange: () => void;
  readonly #links: Links;
  readonly #members: readonly LabMember[];
  readonly #crashes: string[] = [];
  readonly #startMsMax: number;
  #closing = false;

  constructor(given: ClusterOptions) {
    const { onChange = () => undefined, builds = [], startMsMax = servingMsMax, ...options } = given;
    this.layout = options.layout;
    this.security = options.security;
    this.#onChange = onChange;
    this.#startMsMax = startMsMax;
    this.#links = new Links(options.layout);
    this.#members = options.layout.members.map((place) => {
      const member: LabMember = new LabMember(place, options, (state) => {
        this.#links.memberEnded(place.id);
        if (state === 'crashed' && !this.#closing) this.#crashes.push(member.describeCrash());
        this.#onChange();
      });
      return member;
    });
    for (const [position, build] of builds.entries()) this.#members[position]?.program.useBuild(build);
  }

  /**
   * Selects the build for the next start of a member; null selects this repository's build.
   * @throws UsageError for an unknown member
   */
  useBuild(id: string, build: ApplianceBuild | null): void {
    this.#memberAt(findMember(this.layout, id)).program.useBuild(build);
  }

  #memberAt(place: MemberPlace): LabMember {
    const member = this.#members.find((candidate) => candidate.place.id === place.id);
    if (member === undefined) throw new LabError(`unknown member ${place.id}`);
    return member;
  }

  /** The members as clients of the load reach them. */
  get servers(): ServerAddress[] {
    const access = this.security?.load;
    return this.layout.members.map(({ id, host, mqttPort }) => ({
      id,
      host,
      port: mqttPort,
      ...(access && { access }),
    }));
  }

  /** One sentence for each member whose process ended although the lab had not stopped or killed it. */
  get crashes(): readonly string[] {
    return this.#crashes;
  }

  /** Starts all members and waits until all serve. @throws LabError when an address is in use or a member fails */
  async up(): Promise<void> {
    await checkPortsFree(this.layout);
    try {
      await this.#links.open();
      for (const member of this.#members) member.startFirst();
      this.#onChange();
      await this.#waitUntilAllServe(this.#startMsMax);
    } catch (error) {
      await this.down();
      throw error;
    }
  }

  /** Kills all members and closes the links. The members' data is kept. */
  async down(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#members.map(({ program }) => program.kill()));
    this.#links.close();
  }

  /** Stops all members (SIGTERM) and closes the links. The members' data is kept. */
  async stop(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#members.map(({ program }) => program.stop()));
    this.#links.close();
  }

  /** Waits until every member is ready and has a quorum. */
  async #waitUntilAllServe(msMax: number): Promise<void> {
    await Promise.all(this.#members.map((member) => member.waitUntilServing(msMax, 'serving')));
  }

  /**
   * Injects one fault and waits until it is in effect; `start` and `rolling` wait until the members serve.
   *
   * @param groups members by id, number or address; several groups only for `cut` and `one-way`
   * @param value the value of the fault, for a fault that has one (see `FaultCommand`)
   * @throws UsageError for an unknown member, LabError when the fault cannot be injected in the current state
   */
  async fault(action: FaultAction, groups: readonly (readonly string[])[], value?: number): Promise<void> {
    const places = groups.map((group) => group.map((name) => findMember(this.layout, name)));
    const ids = places.map((group) => group.map(({ id }) => id));
    const members = places.flat().map((place) => this.#memberAt(place));
    switch (action) {
      case 'cut':
        return this.#links.cut(ids);
      case 'one-way':
        return this.#oneWay(ids);
      case 'flap':
        return this.#links.flap(ids.flat());
      case 'slow':
        return this.#links.slow(ids.flat());
      case 'loss':
        return this.#links.lose(ids.flat(), requireValue(action, value));
      case 'throttle':
        return this.#links.throttle(ids.flat(), requireValue(action, value));
      case 'heal':
        return this.#heal();
      case 'rolling':
        return this.#restartRolling(members.length === 0 ? this.#members : members);
      default:
        await Promise.all(members.map((member) => this.#injectInto(action, member, value)));
    }
  }

  #oneWay([sources = [], targets]: readonly (readonly string[])[]): void {
    const others = this.layout.members.map(({ id }) => id).filter((id) => !sources.includes(id));
    this.#links.oneWay(sources, targets ?? others);
  }

  async #injectInto(
    action: 'pause' | 'resume' | 'kill' | 'stop' | 'wipe' | 'start' | 'full-disk' | 'slow-disk' | 'clock',
    member: LabMember,
    value?: number,
  ): Promise<void> {
    switch (action) {
      case 'pause':
        return member.program.pause();
      case 'resume':
        return member.program.resume();
      case 'kill':
        return member.program.kill();
      case 'stop':
        return member.program.stop();
      case 'wipe':
        return member.wipe();
      case 'start':
        return this.#start(member);
      default:
        return member.injectTestingFault(action, value);
    }
  }

  /** Ends all faults of links, disks and clocks. Does not start or resume processes. */
  async #heal(): Promise<void> {
    this.#links.heal();
    await Promise.all(this.#members.map((member) => member.heal()));
  }

  /** Restarts one member after the other. Waits until each member serves before the next member is stopped. */
  async #restartRolling(members: readonly LabMember[]): Promise<void> {
    for (const member of members) {
      await member.program.stop();
      await this.#start(member, 'serving');
    }
  }

  async #start(member: LabMember, state?: ServingState): Promise<void> {
    const { program, place } = member;
    if (program.state === 'paused') program.resume();
    if (program.state !== 'running') {
      await this.#links.memberStarts(place.id);
      program.start();
      this.#onChange();
    }
    await member.waitUntilServing(servingMsMax, state);
  }

  /** Ends all faults, starts every member that does not run, and waits until all serve. @throws LabError */
  async restore(): Promise<void> {
    await this.#heal();
    await Promise.all(this.#members.map((member) => this.#start(member)));
    await this.#waitUntilAllServe(servingMsMax);
  }

  isRunning(place: MemberPlace): boolean {
    return this.#memberAt(place).isRunning;
  }

  /** Returns the id and the process id of each member whose process exists. */
  pidsById(): [string, number][] {
    return this.#members.flatMap(({ place, program }) =>
      program.pid === null ? [] : [[place.id, program.pid]],
    );
  }

  /** Returns the state of each member's process, links, disk and clock, without asking the member. */
  processes(): Pick<MemberReport, 'id' | 'process' | 'link' | 'faults'>[] {
    return this.#members.map((member) => member.describe(this.#links.describe(member.place.id)));
  }

  /** Returns the state of each member: its process, its links, its faults and the status that the member reports. */
  async report(): Promise<MemberReport[]> {
    return Promise.all(this.#members.map((member) => member.report(this.#links.describe(member.place.id))));
  }
}
