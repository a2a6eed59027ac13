import type { MemberId } from '@mqtt-cluster/contracts';
import type { Random } from '../world/random.ts';
import type { Version } from '../world/semantics-versions.ts';
import type { World } from '../world/world.ts';
import * as disks from './disk-faults.ts';
import * as links from './link-faults.ts';
import * as machines from './process-faults.ts';
import * as members from './membership-faults.ts';

export type Fault = (faults: Faults) => void;

/** Gaps between two faults: short, so that they meet. */
const gapMsMin = 100;
const gapMsMax = 1_800;
/** A run has a few kinds of fault, often, rather than all, seldom. */
const kindsMin = 2;
const kindsMore = 4;

const usualFaults: readonly Fault[] = [
  machines.killSome,
  machines.killLeader,
  machines.cutPower,
  machines.restartQuickly,
  machines.pauseOne,
  links.split,
  links.splitOneWay,
  links.killIslander,
  links.cutOneWay,
  links.cutLink,
  links.flap,
  links.slowLinks,
  links.storm,
  disks.slowDisk,
  disks.fillDisk,
  disks.failDisk,
  disks.flipBit,
  disks.wipeOne,
  members.transfer,
  members.drainOne,
  members.changeMembers,
];

/** When an operator looks whether the programs that were started last are content. */
const secondLookMs = 2_000;

/** In runs with two versions of the program. */
const versionFaults: readonly Fault[] = [members.upgrade, members.upgrade, members.rollBack];

/** What goes wrong in one run, when, and for how long: all from its seed. */
export class Faults {
  readonly world: World;
  readonly random: Random;
  /** Sent away, and not yet back. */
  removed: MemberId | null = null;
  /** Told to drain, perhaps without having heard it yet. */
  readonly draining = new Set<MemberId>();
  #busy = true;
  readonly #gapMsMax: number;
  readonly #mix: readonly Fault[];
  readonly #mixesVersions: boolean;

  constructor(world: World, random: Random) {
    this.world = world;
    this.random = random;
    this.#gapMsMax = random.pick([500, 1_000, gapMsMax]);
    const kinds = random.shuffled(usualFaults).slice(0, kindsMin + random.below(kindsMore));
    this.#mixesVersions = random.chance(0.3);
    this.#mix = this.#mixesVersions ? [...kinds, ...versionFaults] : kinds;
  }

  get isBusy(): boolean {
    return this.#busy;
  }

  start(): void {
    this.#next();
  }

  /** Everything works again: the network at once, machines that are down start. */
  end(): void {
    const { world } = this;
    this.#busy = false;
    if (this.removed !== null) members.bringBack(this, this.removed);
    world.heal();
    links.calm(world);
    const version = this.#lastVersion();
    for (const host of world.hosts) {
      disks.mend(host);
      if (host.state === 'paused') world.wake(host.id);
      const outdated = version !== null && (world.versions.get(host.id) ?? 'older') !== version;
      if (version !== null) world.versions.set(host.id, version);
      // A member that drains does so until it is started again.
      const drains = this.draining.has(host.id) || host.member?.status().state === 'draining';
      if (outdated || drains) world.kill(host.id);
      if (!host.isUp) world.start(host.id);
    }
    if (version === 'older') world.timeline.after(secondLookMs, () => this.#upgradeRefused());
  }

  /** The newer version may have been on its way into force when all went back; then the older program says so, and operators read it. */
  #upgradeRefused(): void {
    const { world } = this;
    const isRefused = world.hosts.some((host) => host.member?.status().reason.includes('newer version'));
    if (!isRefused) return;
    for (const { id } of world.hosts) {
      world.kill(id);
      world.versions.set(id, 'newer');
      world.start(id);
    }
  }

  leader(): MemberId | null {
    const leading = this.world.hosts.filter(
      (host) => host.state === 'running' && host.member?.status().role === 'leader',
    );
    return leading[0]?.id ?? null;
  }

  some(count: number): MemberId[] {
    return this.random.shuffled(this.world.hosts.map(({ id }) => id)).slice(0, count);
  }

  /** Unless all faults are over by then. */
  later(minMs: number, maxMs: number, action: () => void): void {
    this.world.timeline.after(this.random.between(minMs, maxMs), () => {
      if (this.#busy) action();
    });
  }

  restart(id: MemberId, minMs: number, maxMs: number): void {
    this.world.kill(id);
    this.later(minMs, maxMs, () => this.world.start(id));
  }

  count(what: string): void {
    this.world.history.count(what);
  }

  /** An upgrade is carried through, or taken back where that is still possible. */
  #lastVersion(): Version | null {
    if (!this.#mixesVersions) return null;
    const { versions, history } = this.world;
    const begun = [...versions.values()].includes('newer');
    if (!begun) return 'older';
    return members.isFinalised(history) || this.random.chance(0.8) ? 'newer' : 'older';
  }

  #next(): void {
    this.world.timeline.after(this.random.between(gapMsMin, this.#gapMsMax), () => {
      if (!this.#busy) return;
      this.random.pick(this.#mix)(this);
      this.#next();
    });
  }
}
