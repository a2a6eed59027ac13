import type { MemberPlace } from '../layout.ts';
import { healthyLink } from './link-proxy.ts';
import type { LinkConditions } from './link-proxy.ts';

const slowDelayMs = 100;
const slowJitterMs = 50;

/** `silent` and `reset` alternate with `up` on the links of a flapping member. */
export type FlapPhase = 'up' | 'silent' | 'reset';

/** Which faults the network has, by member; what follows from them for each link. No I/O. */
export class LinkFaults {
  /** Which island a member is on; members of different ones don't reach each other. */
  readonly #island = new Map<string, number>();
  #islands = 0;
  /** `from to`: nothing gets from the one to the other. */
  readonly #oneWay = new Set<string>();
  readonly #flapping = new Set<string>();
  readonly #slow = new Set<string>();
  readonly #lossShare = new Map<string, number>();
  readonly #bytesPerSecond = new Map<string, number>();

  /** Parts each group from all others. Later cuts part further; nothing but {@link heal} joins. */
  cut(groups: readonly (readonly string[])[]): void {
    const islandsBefore = new Map(this.#island);
    for (const group of groups) {
      const numbers = new Map<number, number>();
      for (const id of group) {
        const before = islandsBefore.get(id) ?? 0;
        if (!numbers.has(before)) numbers.set(before, ++this.#islands);
        this.#island.set(id, numbers.get(before) ?? 0);
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

  get flaps(): boolean {
    return this.#flapping.size > 0;
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
      this.#island,
      this.#oneWay,
      this.#flapping,
      this.#slow,
      this.#lossShare,
      this.#bytesPerSecond,
    ];
    for (const faults of all) faults.clear();
  }

  parted(from: MemberPlace, to: MemberPlace): boolean {
    return (this.#island.get(from.id) ?? 0) !== (this.#island.get(to.id) ?? 0);
  }

  /** Of the connections that `from` opens to `to`. */
  conditions(from: MemberPlace, to: MemberPlace, flapPhase: FlapPhase): LinkConditions {
    const ends = [from.id, to.id];
    const slow = ends.some((id) => this.#slow.has(id));
    const flapping = flapPhase !== 'up' && ends.some((id) => this.#flapping.has(id));
    const there = this.#oneWay.has(`${from.id} ${to.id}`);
    const back = this.#oneWay.has(`${to.id} ${from.id}`);
    const silent = this.parted(from, to) || (there && back) || (flapping && flapPhase === 'silent');
    const reset = flapping && flapPhase === 'reset';
    return {
      ...healthyLink,
      mode: silent ? 'blackhole' : reset ? 'cut' : 'open',
      blocked: there ? 'forward' : back ? 'backward' : 'none',
      delayMs: slow ? slowDelayMs : 0,
      jitterMs: slow ? slowJitterMs : 0,
      lossShare: Math.max(...ends.map((id) => this.#lossShare.get(id) ?? 0)),
      bytesPerSecond: Math.min(...ends.map((id) => this.#bytesPerSecond.get(id) ?? Infinity)),
    };
  }

  /** In words for people: `ok`, or the worst of a member's links. */
  describe(id: string): string {
    if ((this.#island.get(id) ?? 0) !== 0) return 'cut';
    if (this.#flapping.has(id)) return 'flap';
    if ([...this.#oneWay].some((pair) => pair.split(' ').includes(id))) return 'one-way';
    if (this.#bytesPerSecond.has(id)) return 'throttle';
    if (this.#lossShare.has(id)) return 'loss';
    return this.#slow.has(id) ? 'slow' : 'ok';
  }
}
