import type { ServingState } from '@mqtt-cluster/contracts';
import { LabError } from '../errors.ts';
import type { FaultAction } from '../fault-forms.ts';
import type { ApplianceBuild } from './appliance-build.ts';
import { checkPortsFree, findMember } from '../layout.ts';
import type { Layout, MemberPlace } from '../layout.ts';
import { Links } from '../network/links.ts';
import { LabMember, needed } from './lab-member.ts';
import type { MemberOptions, MemberReport } from './lab-member.ts';

const upMsMax = 60_000;
const startMsMax = 60_000;

export interface ClusterOptions extends MemberOptions {
  /** Something changed that lab.json records. */
  readonly onChange?: () => void;
  /** The builds with which members start, by position; a member without one starts with `script`. */
  readonly builds?: readonly (ApplianceBuild | null)[];
}

/**
 * The appliances of one lab, their links, and the faults. Its members are child processes of this one and end with it; see
 * `startCluster`.
 */
export class Cluster {
  readonly layout: Layout;
  readonly #onChange: () => void;
  readonly #links: Links;
  readonly #members: readonly LabMember[];
  readonly #crashes: string[] = [];
  #closing = false;

  constructor({ onChange = () => undefined, builds = [], ...options }: ClusterOptions) {
    this.layout = options.layout;
    this.#onChange = onChange;
    this.#links = new Links(options.layout);
    this.#members = options.layout.members.map((place) => {
      const member: LabMember = new LabMember(place, options, (state) => {
        this.#links.memberGone(place.id);
        if (state === 'crashed' && !this.#closing) this.#crashes.push(member.describeCrash());
        this.#onChange();
      });
      return member;
    });
    for (const [position, build] of builds.entries()) this.#members[position]?.program.useBuild(build);
  }

  /** Selects the build of a member's next start; null selects this tree's own. @throws LabError for an unknown member */
  useBuild(id: string, build: ApplianceBuild | null): void {
    this.#memberAt(findMember(this.layout, id)).program.useBuild(build);
  }

  #memberAt(place: MemberPlace): LabMember {
    const member = this.#members.find((one) => one.place.id === place.id);
    if (member === undefined) throw new LabError(`no member ${place.id}`);
    return member;
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
      for (const member of this.#members) member.begin();
      this.#onChange();
      await this.#allServe(upMsMax);
    } catch (error) {
      await this.down();
      throw error;
    }
  }

  /** Ends everything at once. Data stays. */
  async down(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#members.map(({ program }) => program.kill()));
    this.#links.close();
  }

  /** Lets every member end by itself. Data stays. */
  async stop(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#members.map(({ program }) => program.stop()));
    this.#links.close();
  }

  /** Ready, and none of them without a majority. */
  async #allServe(msMax: number): Promise<void> {
    await Promise.all(this.#members.map((member) => member.serves(msMax, 'serving')));
  }

  /**
   * Carries out one fault and waits until it is done; `start` and `rolling` until the members serve.
   * @param groups members by id, number or address; several groups only for `cut` and `one-way`.
   * @param value of those faults that take one, see `FaultCommand`.
   * @throws UsageError for an unknown member, LabError when the fault makes no sense now.
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
        return this.#links.lose(ids.flat(), needed(action, value));
      case 'throttle':
        return this.#links.throttle(ids.flat(), needed(action, value));
      case 'heal':
        return this.#heal();
      case 'rolling':
        return this.#roll(members.length === 0 ? this.#members : members);
      default:
        await Promise.all(members.map((member) => this.#faultOf(action, member, value)));
    }
  }

  #oneWay([sources = [], targets]: readonly (readonly string[])[]): void {
    const others = this.layout.members.map(({ id }) => id).filter((id) => !sources.includes(id));
    this.#links.oneWay(sources, targets ?? others);
  }

  async #faultOf(
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
        return member.faultWithin(action, value);
    }
  }

  /** Ends all faults of links, disks and clocks; processes stay as they are. */
  async #heal(): Promise<void> {
    this.#links.heal();
    await Promise.all(this.#members.map((member) => member.heal()));
  }

  /** One after the other ends by itself, starts and serves. */
  async #roll(members: readonly LabMember[]): Promise<void> {
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
    await member.serves(startMsMax, state);
  }

  /** Mends and starts whatever is not running, and waits until all serve. @throws LabError */
  async restore(): Promise<void> {
    await this.#heal();
    await Promise.all(this.#members.map((member) => this.#start(member)));
    await this.#allServe(startMsMax);
  }

  isRunning(place: MemberPlace): boolean {
    return this.#memberAt(place).runs;
  }

  /** What runs now, by member. */
  pidsById(): [string, number][] {
    return this.#members.flatMap(({ place, program }) =>
      program.pid === null ? [] : [[place.id, program.pid]],
    );
  }

  async report(): Promise<MemberReport[]> {
    return Promise.all(this.#members.map((member) => member.report(this.#links.describe(member.place.id))));
  }
}
