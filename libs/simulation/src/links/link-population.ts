import { defaultClient } from '../clients/client-options.ts';
import type { SimulatedClient } from '../clients/client.ts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { checkStream } from '../checks/stream.ts';
import { SimulatedLink } from './simulated-link.ts';

const publishEveryMs = 90;
const appendEveryMs = 60;
/** Average time between two interruptions of the connection to the other site, and their longest time, ms. */
const cutEveryMs = 2_500;
const unreachableMsMax = 1_500;
const topicCount = 3;

/** A link in the run of a seed: clients that publish for the other site, a stream to read, and faults of the site. */
export class LinkPopulation {
  readonly link: SimulatedLink;
  readonly #world: World;
  readonly #random: Random;
  readonly #publishers: SimulatedClient[];
  readonly #reader: SimulatedClient;
  #isActive = true;
  #hasFaults = false;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    this.link = new SimulatedLink(world, random.fork());
    this.#publishers = ['link-publisher-1', 'link-publisher-2'].map((id) =>
      world.client({ ...defaultClient, id }),
    );
    this.#reader = world.client({
      ...defaultClient,
      id: 'link-reader',
      subscriptions: [{ filter: '$li/#', qos: 2 }],
    });
  }

  start(): void {
    for (const client of [...this.#publishers, this.#reader])
      this.#world.timeline.after(this.#random.between(100, 1_000), () => client.connect());
    this.link.start();
    this.#repeat(publishEveryMs, () => {
      const qos = this.#random.chance(0.6) ? 2 : 1;
      this.#random.pick(this.#publishers).publish(`$lo/${this.#random.below(topicCount)}`, qos);
    });
    this.#repeat(appendEveryMs, () => {
      // The reader has a subscription, so that it misses no message.
      if (this.#reader.hasConnected && this.#reader.subscriptions.isIdle && this.#reader.session !== null)
        this.link.site.append(`$li/${this.#random.below(topicCount)}`);
    });
    this.#repeat(cutEveryMs, () => {
      if (this.#hasFaults) this.link.site.cut(this.#random.between(0, unreachableMsMax));
    });
  }

  startFaults(): void {
    this.#hasFaults = true;
  }

  endFaults(): void {
    this.#hasFaults = false;
  }

  stop(): void {
    this.#isActive = false;
  }

  /** Returns what is not done yet, or null. */
  problem(): string | null {
    return this.link.problem();
  }

  check(): void {
    this.link.check();
    checkStream(this.#world.history, this.link.site, this.#reader);
  }

  #repeat(everyMs: number, action: () => void): void {
    this.#world.timeline.after(this.#random.between(0.3, 1.7) * everyMs, () => {
      if (!this.#isActive) return;
      action();
      this.#repeat(everyMs, action);
    });
  }
}
