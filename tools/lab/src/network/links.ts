import type { Layout, MemberPlace } from '../layout.ts';
import { healthyLink, LinkProxy } from './link-proxy.ts';
import type { LinkConditions } from './link-proxy.ts';

const slowDelayMs = 100;
const slowJitterMs = 50;

interface Link {
  readonly from: MemberPlace;
  readonly to: MemberPlace;
  readonly proxy: LinkProxy;
}

/** All links between the members: one proxy for each ordered pair, and the faults of the network as a whole. */
export class Links {
  readonly #links: readonly Link[];
  readonly #slow = new Set<string>();
  /** Which island a member is on; members of different ones don't reach each other. */
  readonly #island = new Map<string, number>();
  #islands = 0;
  readonly #gone = new Set<string>();

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
    for (const link of this.#links) if (link.to.id === id && !this.#parted(link)) link.proxy.refuse();
  }

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
    this.#apply();
  }

  slow(ids: readonly string[]): void {
    for (const id of ids) this.#slow.add(id);
    this.#apply();
  }

  /** Mends all cuts and makes all links quick again. */
  heal(): void {
    this.#island.clear();
    this.#slow.clear();
    this.#apply();
  }

  describe(id: string): 'ok' | 'cut' | 'slow' {
    if ((this.#island.get(id) ?? 0) !== 0) return 'cut';
    return this.#slow.has(id) ? 'slow' : 'ok';
  }

  #parted({ from, to }: Link): boolean {
    return (this.#island.get(from.id) ?? 0) !== (this.#island.get(to.id) ?? 0);
  }

  #apply(): void {
    for (const link of this.#links) {
      const { from, to, proxy } = link;
      const slow = this.#slow.has(from.id) || this.#slow.has(to.id);
      const conditions: LinkConditions = {
        ...healthyLink,
        mode: this.#parted(link) ? 'blackhole' : 'open',
        delayMs: slow ? slowDelayMs : 0,
        jitterMs: slow ? slowJitterMs : 0,
      };
      if (conditions.mode === 'open' && this.#gone.has(to.id)) proxy.refuse();
      proxy.set(conditions);
    }
  }
}
