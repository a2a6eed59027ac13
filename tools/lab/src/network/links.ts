import type { Layout, MemberPlace } from '../layout.ts';
import { LinkFaults } from './link-faults.ts';
import type { FlapPhase } from './link-faults.ts';
import { LinkProxy } from './link-proxy.ts';

const flapPhaseMs = 1_000;
/** A flapping link stalls and resets connections in turn: members catch up differently after a stall and after a reset. */
const flapPhases: readonly FlapPhase[] = ['silent', 'up', 'reset', 'up'];

interface Link {
  readonly from: MemberPlace;
  readonly to: MemberPlace;
  readonly proxy: LinkProxy;
}

/** All links between the members of a lab (one proxy for each ordered pair of members) and their faults. */
export class Links {
  readonly #links: readonly Link[];
  readonly #faults = new LinkFaults();
  readonly #ended = new Set<string>();
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

  /** Starts all proxies. @throws LabError when an address is in use */
  async open(): Promise<void> {
    await Promise.all(this.#links.map(({ proxy }) => proxy.open()));
  }

  close(): void {
    this.#stopFlapping();
    for (const { proxy } of this.#links) proxy.close();
  }

  /** Makes the proxies to a member listen again. Must be called before the member's process starts. */
  async memberStarts(id: string): Promise<void> {
    this.#ended.delete(id);
    await Promise.all(this.#links.filter(({ to }) => to.id === id).map(({ proxy }) => proxy.open()));
  }

  /** Makes the proxies to a member refuse connections, because the member's process has ended. */
  memberEnded(id: string): void {
    this.#ended.add(id);
    for (const { from, to, proxy } of this.#links) {
      if (to.id === id && !this.#faults.arePartitioned(from, to)) proxy.refuse();
    }
  }

  /**
   * Separates each group from all other members. A later cut can split a group again. Only {@link heal} reconnects members.
   */
  cut(groups: readonly (readonly string[])[]): void {
    this.#faults.cut(groups);
    this.#apply();
  }

  /** Blocks the data from the sources to the targets. Connections stay open, and the other direction works. */
  oneWay(sources: readonly string[], targets: readonly string[]): void {
    this.#faults.oneWay(sources, targets);
    this.#apply();
  }

  /**
   * Makes the links of the members fail and recover every second until {@link heal}. Phases without data and phases with
   * resets alternate.
   */
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

  /** Delays the data on all links of the members. */
  slow(ids: readonly string[]): void {
    this.#faults.slow(ids);
    this.#apply();
  }

  /** Loses TCP segments on all links of the members. @param share share of lost segments, 0 to 1 */
  lose(ids: readonly string[], share: number): void {
    this.#faults.lose(ids, share);
    this.#apply();
  }

  /** Limits the rate of each link of the members. */
  throttle(ids: readonly string[], bytesPerSecond: number): void {
    this.#faults.throttle(ids, bytesPerSecond);
    this.#apply();
  }

  /** Ends all faults of all links. */
  heal(): void {
    this.#stopFlapping();
    this.#faults.heal();
    this.#apply();
  }

  /** Returns `ok`, or the most severe fault of the member's links. */
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
      if (conditions.mode === 'open' && this.#ended.has(to.id)) proxy.refuse();
      proxy.set(conditions);
    }
  }
}
