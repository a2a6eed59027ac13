import type { MemberPlace } from '../layout.ts';
import { healthyLink } from './link-proxy.ts';
import type { LinkConditions } from './link-proxy.ts';

const slowDelayMs = 100;
const slowJitterMs = 50;

/** The links of a flapping member alternate between `up` and either `silent` or `reset`. */
export type FlapPhase = 'up' | 'silent' | 'reset';

/** The faults of the network, by member, and the resulting conditions of each link. No I/O. */
export class LinkFaults {
  /**
   * Number of the network partition of each member; 0 without a cut. No data passes between members of different
   * partitions.
   */
  readonly #partition = new Map<string, number>();
  #partitions = 0;
  /** Pairs `from to` of members: the link passes no data from the first member to the second. */
  readonly #oneWay = new Set<string>();
  readonly #flapping = new Set<string>();
  readonly #slow = new Set<string>();
  readonly #lossShare = new Map<string, number>();
  readonly #bytesPerSecond = new Map<string, number>();

  /** Separates each group from all other members. A later cut can split a group again. Only {@link heal} reconnects members. */
  cut(groups: readonly (readonly string[])[]): void {
    const partitionBefore = new Map(this.#partition);
    for (const group of groups) {
      const numbers = new Map<number, number>();
      for (const id of group) {
        const before = partitionBefore.get(id) ?? 0;
        if (!numbers.has(before)) numbers.set(before, ++this.#partitions);
        this.#partition.set(id, numbers.get(before) ?? 0);
      }
    }
  }

  oneWay(sources: readonly string[], targets: readonly string[]): void {
    for (const from of sources) {
      for (const to of targets) if (from !== to) this.#oneWay.add(`${from} ${to}`);
    }
  }

  flap(ids: readonly string[]): void {
    for (const id of ids) this.#flapping.add(id);
  }

  slow(ids: readonly string[]): void {
    for (const id of ids) this.#slow.add(id);
  }

  lose(ids: readonly string[], share: number): void {
    for (const id of ids) this.#lossShare.set(id, share);
  }

  throttle(ids: readonly string[], bytesPerSecond: number): void {
    for (const id of ids) this.#bytesPerSecond.set(id, bytesPerSecond);
  }

  heal(): void {
    const all = [
      this.#partition,
      this.#oneWay,
      this.#flapping,
      this.#slow,
      this.#lossShare,
      this.#bytesPerSecond,
    ];
    for (const faults of all) faults.clear();
  }

  /** Returns whether a cut separates the two members. */
  arePartitioned(from: MemberPlace, to: MemberPlace): boolean {
    return (this.#partition.get(from.id) ?? 0) !== (this.#partition.get(to.id) ?? 0);
  }

  /** Returns the conditions of the connections that `from` opens to `to`. */
  conditions(from: MemberPlace, to: MemberPlace, flapPhase: FlapPhase): LinkConditions {
    const ends = [from.id, to.id];
    const slow = ends.some((id) => this.#slow.has(id));
    const flapping = flapPhase !== 'up' && ends.some((id) => this.#flapping.has(id));
    const forwardBlocked = this.#oneWay.has(`${from.id} ${to.id}`);
    const backwardBlocked = this.#oneWay.has(`${to.id} ${from.id}`);
    const silent =
      this.arePartitioned(from, to) ||
      (forwardBlocked && backwardBlocked) ||
      (flapping && flapPhase === 'silent');
    const reset = flapping && flapPhase === 'reset';
    return {
      ...healthyLink,
      mode: silent ? 'blackhole' : reset ? 'cut' : 'open',
      blocked: forwardBlocked ? 'forward' : backwardBlocked ? 'backward' : 'none',
      delayMs: slow ? slowDelayMs : 0,
      jitterMs: slow ? slowJitterMs : 0,
      lossShare: Math.max(...ends.map((id) => this.#lossShare.get(id) ?? 0)),
      bytesPerSecond: Math.min(...ends.map((id) => this.#bytesPerSecond.get(id) ?? Infinity)),
    };
  }

  /** Returns `ok`, or the most severe fault of the member's links. */
  describe(id: string): string {
    if ((this.#partition.get(id) ?? 0) !== 0) return 'cut';
    if (this.#flapping.has(id)) return 'flap';
    if ([...this.#oneWay].some((pair) => pair.split(' ').includes(id))) return 'one-way';
    if (this.#bytesPerSecond.has(id)) return 'throttle';
    if (this.#lossShare.has(id)) return 'loss';
    return this.#slow.has(id) ? 'slow' : 'ok';
  }
}
