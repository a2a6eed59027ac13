import type { ClusterSettings, SettingsChange } from '@mqtt-cluster/contracts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { defaultClient } from './client-options.ts';
import type { SimulatedClient } from './client.ts';

/** Prefix of the ids of the clients that try to use the bounds that others need. */
export const greedyClient = 'greedy';
/** Prefix of their topics. No subscription of another client matches them. */
export const greedyTopic = '$greedy/';

/**
 * Bounds that the greedy clients reach within a run. The queues of all other clients stay below the largest
 * queue, and their retained messages fit into a tenth of the bound.
 */
const smallBounds: SettingsChange = {
  clusterQueueMemoryMax: 1_500_000,
  connectedQueueReserve: 1_000_000,
  retainedBytesMax: 200_000,
};
/** Makes the messages of the greedy clients larger than those of all others together. */
const longName = 'x'.repeat(4_000);
const runChance = 0.12;
const settingsEveryMs = 500;
const publishEveryMs = 100;
const burst = 8;
const unfinishedMax = 200;

/**
 * One client that stays away while its queue fills the cluster's queues, and one that publishes these messages
 * and fills the bound of retained messages.
 */
export class GreedyPopulation {
  readonly #world: World;
  readonly #random: Random;
  #isActive = true;
  #topic = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  start(): void {
    if (!this.#random.chance(runChance)) return;
    const away = this.#add(`${greedyClient}-absent`, [{ filter: `${greedyTopic}q/${longName}`, qos: 1 }]);
    const publisher = this.#add(`${greedyClient}-publisher`, []);
    this.#repeat(settingsEveryMs, () => this.#changeSettings());
    this.#repeat(publishEveryMs, () => {
      if (away.connected && away.isIdle) away.leave('disconnect');
      // Before that the greedy clients would fill the larger default bounds.
      if (this.#world.hosts.some((host) => !isBounded(host.member?.settings()))) return;
      if (away.shouldBeConnected || publisher.outgoing.unfinished > unfinishedMax) return;
      for (let count = 0; count < burst; count += 1) publisher.publish(`${greedyTopic}q/${longName}`, 1);
      for (let count = 0; count < 3; count += 1)
        publisher.publish(`${greedyTopic}r/${(this.#topic += 1)}`, 1, { retain: true });
    });
  }

  stop(): void {
    this.#isActive = false;
  }

  #add(id: string, subscriptions: (typeof defaultClient)['subscriptions']): SimulatedClient {
    const client = this.#world.client({ ...defaultClient, id, subscriptions, windowMax: 40 });
    this.#world.timeline.after(500, () => client.connect());
    return client;
  }

  /** Sets the bounds again until they are in force: before `accessSemantics` members ignore them. */
  #changeSettings(): void {
    for (const host of this.#world.hosts) {
      const settings = host.member?.settings();
      if (isBounded(settings)) continue;
      host.post((member) => member.changeSettings(smallBounds));
      return;
    }
  }

  #repeat(everyMs: number, action: () => void): void {
    this.#world.timeline.after(everyMs, () => {
      if (!this.#isActive) return;
      action();
      this.#repeat(everyMs, action);
    });
  }
}

/** Returns true also for a member that is down. */
function isBounded(settings: ClusterSettings | undefined): boolean {
  return settings === undefined || settings.retainedBytesMax === smallBounds.retainedBytesMax;
}
