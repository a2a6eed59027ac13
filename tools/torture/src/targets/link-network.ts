import { healthyLink } from '@mqtt-cluster/lab';
import type { LinkConditions, LinkProxy } from '@mqtt-cluster/lab';
import { TortureError } from '../errors.ts';
import type { FaultKind } from '../nemesis/fault.ts';

const flapPhaseMs = 500;
/** A flapping connection is reset, is silent, and works again in turn. */
const flapModes: readonly LinkConditions['mode'][] = ['cut', 'open', 'blackhole', 'open'];

/** The network between the members and the broker beyond the link. */
export class LinkNetwork {
  readonly #proxy: LinkProxy;
  #flapTimer: NodeJS.Timeout | null = null;

  constructor(proxy: LinkProxy) {
    this.#proxy = proxy;
  }

  /** Lets connections through. Must be called after each start of the broker: without it the proxy refuses them. */
  async open(): Promise<void> {
    await this.#proxy.open();
  }

  begin(kind: FaultKind): void {
    if (kind === 'cut') this.#proxy.set({ ...healthyLink, mode: 'blackhole' });
    // The broker receives the packets of the link, and its answers get lost.
    else if (kind === 'one-way') this.#proxy.set({ ...healthyLink, blocked: 'backward' });
    else if (kind === 'flap') this.#flap();
    else throw new TortureError(`the connection of the link does not support the fault ${kind}`);
  }

  end(kind: FaultKind): void {
    if (kind === 'cut' || kind === 'one-way' || kind === 'flap') this.heal();
  }

  heal(): void {
    if (this.#flapTimer !== null) clearInterval(this.#flapTimer);
    this.#flapTimer = null;
    this.#proxy.set(healthyLink);
  }

  close(): void {
    this.heal();
    this.#proxy.close();
  }

  #flap(): void {
    let phase = 0;
    const next = (): void =>
      this.#proxy.set({ ...healthyLink, mode: flapModes[phase++ % flapModes.length] ?? 'open' });
    this.#flapTimer = setInterval(next, flapPhaseMs);
    next();
  }
}
