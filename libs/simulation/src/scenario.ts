import type { MemberId, MemberStatus } from '@mqtt-cluster/contracts';
import { checkDelivery } from './checks/delivery.ts';
import { checkOneConnection, checkSameState, isQuiescent, isServing } from './checks/final-state.ts';
import { usualClient } from './clients/client.ts';
import type { ClientOptions, SimulatedClient } from './clients/client.ts';
import type { Arrival, Publication } from './history/history.ts';
import { createSimulatedMember, smallLimits } from './world/member-factory.ts';
import type { SimulatedSettings } from './world/member-factory.ts';
import { World } from './world/world.ts';
import type { CreateSimulatedMember } from './world/world.ts';

export interface StoryOptions extends Partial<SimulatedSettings> {
  readonly seed?: number;
  readonly members?: number;
  /** In place of the usual members. */
  readonly createMember?: CreateSimulatedMember;
  /** Leaves it to the story to start the members. */
  readonly unfounded?: boolean;
}

const foundedWithinMs = 10_000;
const connectedWithinMs = 5_000;
const servingWithinMs = 10_000;
const quiescentWithinMs = 20_000;
const silentMs = 800;

/** A world for one readable trace: members by name, and words for what is waited for. */
export class Story {
  readonly world: World;

  constructor(options: StoryOptions = {}) {
    const settings = {
      whenIsolated: options.whenIsolated ?? 'accept',
      limits: options.limits ?? smallLimits,
    };
    this.world = new World({
      seed: options.seed ?? 1,
      members: options.members ?? 7,
      createMember: options.createMember ?? createSimulatedMember(settings),
    });
    if (options.unfounded === true) return;
    this.world.start();
    this.must('the cluster is founded', foundedWithinMs, () => isServing(this.world));
  }

  /** @throws Error when it does not come true in that time. */
  must(what: string, withinMs: number, holds: () => boolean): void {
    if (!this.world.until(holds, withinMs)) throw new Error(`did not happen within ${withinMs} ms: ${what}`);
  }

  run(durationMs: number): void {
    this.world.run(durationMs);
  }

  // ---- members ----

  get names(): MemberId[] {
    return this.world.hosts.map(({ id }) => id);
  }

  others(...except: readonly MemberId[]): MemberId[] {
    return this.names.filter((id) => !except.includes(id));
  }

  status(id: MemberId): MemberStatus {
    const { member } = this.world.host(id);
    if (member === null) throw new Error(`${id} has never run`);
    return member.status();
  }

  /** Who leads, by the newest term; waits for one. */
  leader(): MemberId {
    this.must('somebody leads', foundedWithinMs, () => this.#leaders().length > 0);
    return this.#leaders()[0] as MemberId;
  }

  /** Some members that do not lead, in their order. */
  followers(): MemberId[] {
    return this.others(this.leader());
  }

  isServing(...ids: readonly MemberId[]): boolean {
    return ids.every((id) => this.world.host(id).state === 'running' && this.status(id).state === 'serving');
  }

  waitForServing(...ids: readonly MemberId[]): void {
    this.must(`${ids.join(' ')} serve`, servingWithinMs, () => this.isServing(...ids));
  }

  #leaders(): MemberId[] {
    const leading = this.names.filter(
      (id) => this.world.host(id).state === 'running' && this.status(id).role === 'leader',
    );
    return leading.sort((one, other) => this.status(other).term - this.status(one).term);
  }

  // ---- clients ----

  /** A client that is not connected yet. */
  stranger(id: string, home: MemberId | null, options: Partial<ClientOptions> = {}): SimulatedClient {
    return this.world.client({ ...usualClient, ...options, id, home });
  }

  /** Connected, and subscribed to what it wants. */
  client(id: string, home: MemberId | null, options: Partial<ClientOptions> = {}): SimulatedClient {
    const client = this.stranger(id, home, options);
    client.connect();
    this.waitForClient(client);
    return client;
  }

  waitForClient(client: SimulatedClient): void {
    this.must(`${client.id} is connected`, connectedWithinMs, () => client.connected && client.isSettled);
  }

  waitForAck(...publications: readonly Publication[]): void {
    const acked = (): boolean => publications.every(({ ackedAtMs }) => ackedAtMs !== null);
    this.must(`#${publications.map(({ id }) => id).join(' #')} acknowledged`, connectedWithinMs, acked);
  }

  arrivals(client: SimulatedClient): readonly Arrival[] {
    return client.session?.arrivals ?? [];
  }

  /** How often it arrived in the client's session. */
  times(client: SimulatedClient, publication: Publication): number {
    return this.arrivals(client).filter((arrival) => arrival.publication === publication.id).length;
  }

  waitForArrival(client: SimulatedClient, ...publications: readonly Publication[]): void {
    for (const publication of publications) {
      const what = `${client.id} gets #${publication.id}`;
      this.must(what, connectedWithinMs, () => this.times(client, publication) > 0);
    }
  }

  // ---- the end ----

  /** Everything works again, comes to rest, and is checked. @returns what was violated: nothing, one hopes. */
  finish(): string[] {
    const { world } = this;
    world.heal();
    for (const host of world.hosts) {
      host.disk.full = false;
      host.disk.syncMs = [0.5, 4];
      if (host.state === 'paused') world.wake(host.id);
      if (!host.isUp) world.start(host.id);
    }
    const serve = world.until(() => isServing(world), servingWithinMs);
    if (!serve) world.history.violate({ promise: 'P7', text: 'not all members serve' });
    for (const client of world.clients) client.incoming.hurry();
    const rests = world.until(() => isQuiescent(world, silentMs), quiescentWithinMs);
    if (!rests) world.history.violate({ promise: 'P7', text: 'something is still under way' });
    checkOneConnection(world);
    checkSameState(world);
    checkDelivery(world.history);
    return this.violations;
  }

  get violations(): string[] {
    return this.world.history.violations.map(({ promise, text }) => `${promise}: ${text}`);
  }
}
