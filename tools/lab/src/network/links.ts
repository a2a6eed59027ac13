import type { Layout, MemberPlace } from '../layout.ts';
import { LinkFaults } from './link-faults.ts';
import type { FlapPhase } from './link-faults.ts';
import { LinkProxy } from './link-proxy.ts';

const flapPhaseMs = 1_000;
/** Connections that only stall and connections that break are different tests of who must catch up. */
const flapPhases: readonly FlapPhase[] = ['silent', 'up', 'reset', 'up'];

interface Link {
  readonly from: MemberPlace;
  readonly to: MemberPlace;
  readonly proxy: LinkProxy;
}

/** All links between the members: one proxy for each ordered pair, and the faults of the network as a whole. */
export class Links {
  readonly #links: readonly Link[];
  readonly #faults = new LinkFaults();
  readonly #gone = new Set<string>();
  #flapTimer: NodeJS.Timeout | null = null;
  #flapPhase: FlapPhase = 'up';

  constructor(layout: Layout) {
    this.#links = layout.members.flatMap((from) =>
      layout.members
        .filter((to) => to !== from)
        .map((to) => ({
          from,
          to,
          proxy: new LinkProxy({
            listenHost: from.host,
            listenPort: layout.linkPort(from, to),
            targetHost: to.host,
            targetPort: to.clusterPort,
          }),
        })),
    );
  }

  /** @throws LabError when an address is taken. */
  async open(): Promise<void> {
    await Promise.all(this.#links.map(({ proxy }) => proxy.open()));
  }

  close(): void {
    this.#stopFlapping();
    for (const { proxy } of this.#links) proxy.close();
  }

  /** A member's process is about to start: its peers may connect again. */
  async memberStarts(id: string): Promise<void> {
    this.#gone.delete(id);
    await Promise.all(this.#links.filter(({ to }) => to.id === id).map(({ proxy }) => proxy.open()));
  }

  /** A member's process is gone. */
  memberGone(id: string): void {
    this.#gone.add(id);
    for (const { from, to, proxy } of this.#links) {
      if (to.id === id && !this.#faults.parted(from, to)) proxy.refuse();
    }
  }

  /** Parts each group from all others. Later cuts part further; nothing but {@link heal} joins. */
  cut(groups: readonly (readonly string[])[]): void {
    this.#faults.cut(groups);
    this.#apply();
  }

  /** Nothing gets from the sources to the targets; the other way everything flows, on connections that stay open. */
  oneWay(sources: readonly string[], targets: readonly string[]): void {
    this.#faults.oneWay(sources, targets);
    this.#apply();
  }

  /** Their links fail and come back every second until the heal; silently and with resets by turns. */
  flap(ids: readonly string[]): void {
    this.#faults.flap(ids);
    if (this.#flapTimer !== null) return;
    let round = 0;
    const next = (): void => {
      this.#flapPhase = flapPhases[round++ % flapPhases.length] ?? 'up';
      this.#apply();
    };
    this.#flapTimer = setInterval(next, flapPhaseMs);
    next();
  }

  slow(ids: readonly string[]): void {
    this.#faults.slow(ids);
    this.#apply();
  }

  /** @param share of the segments, 0 to 1. */
  lose(ids: readonly string[], share: number): void {
    this.#faults.lose(ids, share);
    this.#apply();
  }

  throttle(ids: readonly string[], bytesPerSecond: number): void {
    this.#faults.throttle(ids, bytesPerSecond);
    this.#apply();
  }

  /** Mends all cuts and makes all links quick again. */
  heal(): void {
    this.#stopFlapping();
    this.#faults.heal();
    this.#apply();
  }

  describe(id: string): string {
    return this.#faults.describe(id);
  }

  #stopFlapping(): void {
    if (this.#flapTimer !== null) clearInterval(this.#flapTimer);
    this.#flapTimer = null;
    this.#flapPhase = 'up';
  }

  #apply(): void {
    for (const { from, to, proxy } of this.#links) {
      const conditions = this.#faults.conditions(from, to, this.#flapPhase);
      if (conditions.mode === 'open' && this.#gone.has(to.id)) proxy.refuse();
      proxy.set(conditions);
    }
  }
}
