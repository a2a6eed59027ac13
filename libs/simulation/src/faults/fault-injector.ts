import type { Random } from '../world/random.ts';
import type { ProgramVersion } from '../world/semantics-versions.ts';
import type { World } from '../world/world.ts';
import * as disks from './disk-faults.ts';
import { FaultContext } from './fault-context.ts';
import type { Fault } from './fault-context.ts';
import * as links from './link-faults.ts';
import * as membership from './membership-faults.ts';
import * as processes from './process-faults.ts';

/** Gap between two faults. It is short, so that faults overlap. */
const gapMsMin = 100;
const gapMsMax = 1_800;
/** A run has only a few kinds of fault, so that each of these kinds occurs often. */
const kindsMin = 2;
const kindsMore = 4;

/** Each run has some of these faults. A change of their order gives every seed another run. */
const commonFaults: readonly Fault[] = [
  processes.killMembers,
  processes.killLeader,
  processes.cutAllPower,
  processes.restartQuickly,
  processes.pauseMember,
  links.partition,
  links.partitionOneWay,
  links.restartIsolatedHome,
  links.cutLinkOneWay,
  links.cutLink,
  links.flapLink,
  links.slowLinks,
  links.isolateLeaders,
  disks.slowDisk,
  disks.fillDisk,
  disks.failDisk,
  disks.flipBit,
  disks.wipeDisk,
  membership.transferLeadership,
  membership.drainMember,
  membership.removeAndAddMember,
];

/**
 * Delay after which an operator checks whether the restarted programs accept the semantics version in force.
 */
const versionCheckMs = 2_000;

/** Faults that are added in runs with two versions of the program. */
const versionFaults: readonly Fault[] = [membership.upgrade, membership.upgrade, membership.rollBack];

/** Chooses from the seed which faults a run has, when they begin and how long they last. */
export class FaultInjector {
  readonly #context: FaultContext;
  readonly #gapMsMax: number;
  readonly #faults: readonly Fault[];
  readonly #hasTwoVersions: boolean;

  constructor(world: World, random: Random) {
    this.#context = new FaultContext(world, random);
    this.#gapMsMax = random.pick([500, 1_000, gapMsMax]);
    const kinds = random.shuffled(commonFaults).slice(0, kindsMin + random.below(kindsMore));
    this.#hasTwoVersions = random.chance(0.3);
    this.#faults = this.#hasTwoVersions ? [...kinds, ...versionFaults] : kinds;
  }

  start(): void {
    this.#context.injectEach(this.#faults, gapMsMin, this.#gapMsMax);
  }

  /**
   * Ends all faults: heals the network, repairs the disks, resumes paused members and starts stopped members.
   */
  end(): void {
    const context = this.#context;
    const { world } = context;
    context.stop();
    if (context.removed !== null) membership.addMemberBack(context, context.removed);
    world.heal();
    links.resetJitter(world);
    const version = this.#finalVersion();
    for (const host of world.hosts) {
      disks.repairDisk(host);
      if (host.state === 'paused') world.resume(host.id);
      const hasOtherVersion = version !== null && (world.versions.get(host.id) ?? 'older') !== version;
      if (version !== null) world.versions.set(host.id, version);
      // A draining member drains until its next start.
      const drains = context.draining.has(host.id) || host.member?.status().state === 'draining';
      if (hasOtherVersion || drains) world.kill(host.id);
      if (!host.isUp) world.start(host.id);
    }
    if (version === 'older') world.timeline.after(versionCheckMs, () => this.#upgradeRejectedMembers());
  }

  /**
   * The newer semantics version may come into force while the members are rolled back. Then the older program
   * reports the newer version as the reason of its state `joining`, and operators upgrade all members again.
   */
  #upgradeRejectedMembers(): void {
    const { world } = this.#context;
    const isRejected = world.hosts.some((host) => host.member?.status().reason.includes('newer version'));
    if (!isRejected) return;
    for (const { id } of world.hosts) {
      world.kill(id);
      world.versions.set(id, 'newer');
      world.start(id);
    }
  }

  /**
   * Chooses the version of all members after the faults. An upgrade is completed, or rolled back if a
   * rollback is still possible.
   */
  #finalVersion(): ProgramVersion | null {
    if (!this.#hasTwoVersions) return null;
    const { world, random } = this.#context;
    if (![...world.versions.values()].includes('newer')) return 'older';
    return membership.isNewerVersionInForce(world.history) || random.chance(0.8) ? 'newer' : 'older';
  }
}
