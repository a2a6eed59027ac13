import type { MemberId } from '@mqtt-cluster/contracts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';

/** Injects one kind of fault into the world of the context. */
export type Fault = (context: FaultContext) => void;

/** State and helper functions that all kinds of fault share. */
export class FaultContext {
  readonly world: World;
  readonly random: Random;
  /** The member that a fault is removing from the cluster, until it votes again; null: no member. */
  removed: MemberId | null = null;
  /** Members that were asked to drain and have not been restarted since. */
  readonly draining = new Set<MemberId>();
  #isActive = true;

  constructor(world: World, random: Random) {
    this.world = world;
    this.random = random;
  }

  /** Whether faults may begin and continue; false after all faults have ended. */
  get isActive(): boolean {
    return this.#isActive;
  }

  stop(): void {
    this.#isActive = false;
  }

  /**
   * Returns a running member that is leader of its term, or null. During a partition several members can be
   * leaders.
   */
  leader(): MemberId | null {
    const leading = this.world.hosts.filter(
      (host) => host.state === 'running' && host.member?.status().role === 'leader',
    );
    return leading[0]?.id ?? null;
  }

  randomMembers(count: number): MemberId[] {
    return this.random.shuffled(this.world.hosts.map(({ id }) => id)).slice(0, count);
  }

  /** Runs the action after a random delay, unless all faults have ended by then. */
  later(minMs: number, maxMs: number, action: () => void): void {
    this.world.timeline.after(this.random.between(minMs, maxMs), () => {
      if (this.#isActive) action();
    });
  }

  /** Injects one of the faults after each gap, until all faults have ended. */
  injectEach(faults: readonly Fault[], gapMsMin: number, gapMsMax: number): void {
    this.later(gapMsMin, gapMsMax, () => {
      this.random.pick(faults)(this);
      this.injectEach(faults, gapMsMin, gapMsMax);
    });
  }

  restart(id: MemberId, minMs: number, maxMs: number): void {
    this.world.kill(id);
    this.later(minMs, maxMs, () => this.world.start(id));
  }

  count(name: string): void {
    this.world.history.count(name);
  }
}
