import { healthyLink } from '@mqtt-cluster/lab';
import type { LinkConditions, LinkProxy } from '@mqtt-cluster/lab';
import { TortureError } from '../errors.ts';
import type { FaultKind } from '../nemesis/fault.ts';

const flapPhaseMs = 500;
/** A flapping connection is reset, is silent, and works again in turn. */
const flapModes: readonly LinkConditions['mode'][] = ['cut', 'open', 'blackhole', 'open'];

/** The network between the members and the servers beyond the link. */
export class LinkNetwork {
  readonly #proxies: readonly LinkProxy[];
  #flapTimer: NodeJS.Timeout | null = null;

  /** @param proxies a proxy before each server */
  constructor(proxies: readonly LinkProxy[]) {
    this.#proxies = proxies;
  }

  /** Lets connections through. Must be called after each start of a server: without it its proxy refuses them. */
  async open(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.open()));
  }

  begin(kind: FaultKind): void {
    if (kind === 'cut') this.#set({ ...healthyLink, mode: 'blackhole' });
    // The broker receives the packets of the link, and its answers get lost.
    else if (kind === 'one-way') this.#set({ ...healthyLink, blocked: 'backward' });
    else if (kind === 'flap') this.#flap();
    else throw new TortureError(`the connection of the link does not support the fault ${kind}`);
  }

  end(kind: FaultKind): void {
    if (kind === 'cut' || kind === 'one-way' || kind === 'flap') this.heal();
  }

  heal(): void {
    if (this.#flapTimer !== null) clearInterval(this.#flapTimer);
    this.#flapTimer = null;
    this.#set(healthyLink);
  }

  close(): void {
    this.heal();
    for (const proxy of this.#proxies) proxy.close();
  }

  #set(conditions: LinkConditions): void {
    for (const proxy of this.#proxies) proxy.set(conditions);
  }

  #flap(): void {
    let phase = 0;
    const next = (): void =>
      this.#set({ ...healthyLink, mode: flapModes[phase++ % flapModes.length] ?? 'open' });
    this.#flapTimer = setInterval(next, flapPhaseMs);
    next();
  }
}
