import type { ConnectRequest, MemberId, MemberStatus } from '@mqtt-cluster/contracts';
import { checkDelivery } from './checks/delivery.ts';
import { checkOneConnection, checkSameState, isQuiescent, isServing } from './checks/final-state.ts';
import { ProbeClient } from './clients/probe-client.ts';
import { checkMessageExpiry } from './checks/message-expiry.ts';
import { checkQos0 } from './checks/qos0.ts';
import { checkRedelivery } from './checks/redelivery.ts';
import { checkSharedDelivery } from './checks/shared-delivery.ts';
import { checkSubscriptionOptions } from './checks/subscription-options.ts';
import { defaultClient } from './clients/client-options.ts';
import type { ClientOptions } from './clients/client-options.ts';
import type { SimulatedClient } from './clients/client.ts';
import type { Arrival, Publication } from './history/history.ts';
import { SimulatedLink } from './links/simulated-link.ts';
import { simulatedMemberFactory, smallLimits } from './world/member-factory.ts';
import type { SimulatedMemberFactory, SimulatedSettings } from './world/member-factory.ts';
import { World } from './world/world.ts';

export interface ScenarioOptions extends Partial<SimulatedSettings> {
  readonly seed?: number;
  readonly members?: number;
  /** Replaces the factory of the members. */
  readonly createMember?: SimulatedMemberFactory;
  /** Whether queued messages are in page files, each as soon as its entry is applied. */
  readonly pageFiles?: boolean;
  /** Whether the scenario starts all members. If false, the test starts the members. Default: true. */
  readonly startMembers?: boolean;
}

const foundedWithinMs = 10_000;
const connectedWithinMs = 5_000;
const servingWithinMs = 10_000;
const quiescentWithinMs = 20_000;
const silentMs = 800;
const linkedWithinMs = 10_000;

/** A simulated cluster for one scenario test, with members by name and named conditions to wait for. */
export class Scenario {
  readonly world: World;
  #link: SimulatedLink | null = null;

  constructor(options: ScenarioOptions = {}) {
    const { pageFiles = false, limits = smallLimits } = options;
    const settings = {
      whenIsolated: options.whenIsolated ?? 'accept',
      limits: pageFiles ? { ...limits, messageCacheBytesMax: 0 } : limits,
    };
    this.world = new World({
      seed: options.seed ?? 1,
      members: options.members ?? 7,
      createMember: options.createMember ?? simulatedMemberFactory(settings),
      pageFiles,
    });
    if (options.startMembers === false) return;
    this.world.start();
    this.waitFor('all members serve after the bootstrap', foundedWithinMs, () => isServing(this.world));
  }

  /** Advances virtual time until the condition holds. @throws Error when it does not hold within that time */
  waitFor(what: string, withinMs: number, holds: () => boolean): void {
    if (!this.world.until(holds, withinMs))
      throw new Error(`condition not met within ${withinMs} ms: ${what}`);
  }

  run(durationMs: number): void {
    this.world.run(durationMs);
  }

  // ---- members ----

  get memberIds(): MemberId[] {
    return this.world.hosts.map(({ id }) => id);
  }

  others(...except: readonly MemberId[]): MemberId[] {
    return this.memberIds.filter((id) => !except.includes(id));
  }

  status(id: MemberId): MemberStatus {
    const { member } = this.world.host(id);
    if (member === null) throw new Error(`${id} has never run`);
    return member.status();
  }

  /** Returns the leader of the newest term. Waits for an election if there is no leader. */
  leader(): MemberId {
    this.waitFor('a member is the leader', foundedWithinMs, () => this.#leaders().length > 0);
    return this.#leaders()[0] as MemberId;
  }

  /** Returns all members except the leader, in order of their names. */
  followers(): MemberId[] {
    return this.others(this.leader());
  }

  isServing(...ids: readonly MemberId[]): boolean {
    return ids.every((id) => this.world.host(id).state === 'running' && this.status(id).state === 'serving');
  }

  waitForServing(...ids: readonly MemberId[]): void {
    this.waitFor(`${ids.join(' ')} serve`, servingWithinMs, () => this.isServing(...ids));
  }

  #leaders(): MemberId[] {
    const leading = this.memberIds.filter(
      (id) => this.world.host(id).state === 'running' && this.status(id).role === 'leader',
    );
    return leading.sort((one, other) => this.status(other).term - this.status(one).term);
  }

  // ---- clients ----

  /** Creates a client without connecting it. */
  unconnectedClient(
    id: string,
    home: MemberId | null,
    options: Partial<ClientOptions> = {},
  ): SimulatedClient {
    return this.world.client({ ...defaultClient, ...options, id, home });
  }

  /** Creates a client, connects it and waits until its subscriptions are acknowledged. */
  client(id: string, home: MemberId | null, options: Partial<ClientOptions> = {}): SimulatedClient {
    const client = this.unconnectedClient(id, home, options);
    client.connect();
    this.waitForClient(client);
    return client;
  }

  /** Creates a probe without connecting it. */
  unconnectedProbe(id: string): ProbeClient {
    return new ProbeClient(this.world, this.world.random.fork(), id);
  }

  /** Creates a probe, connects it and waits for its CONNACK. */
  probe(id: string, home: MemberId, request: Partial<ConnectRequest> = {}): ProbeClient {
    const probe = this.unconnectedProbe(id);
    this.connectProbe(probe, home, request);
    return probe;
  }

  connectProbe(probe: ProbeClient, home: MemberId, request: Partial<ConnectRequest> = {}): void {
    probe.connect(this.world.host(home), request);
    this.waitFor(`${probe.id} is connected`, connectedWithinMs, () => probe.sessionPresent !== null);
  }

  /** Waits until the member has answered the packet with this id. */
  waitForAnswer(probe: ProbeClient, kind: 'puback' | 'suback', packetId: number): void {
    const answered = (): boolean => probe.answeredAtMs(kind, packetId) !== null;
    this.waitFor(`${probe.id} receives ${kind} ${packetId}`, connectedWithinMs, answered);
  }

  /** Kills all members, waits and starts all of them again. */
  stopAll(durationMs: number): void {
    for (const id of this.memberIds) this.world.kill(id);
    this.run(durationMs);
    this.world.start();
    this.waitForServing(...this.memberIds);
  }

  waitForClient(client: SimulatedClient): void {
    this.waitFor(`${client.id} is connected`, connectedWithinMs, () => client.connected && client.isIdle);
  }

  waitForAck(...publications: readonly Publication[]): void {
    const acked = (): boolean => publications.every(({ ackedAtMs }) => ackedAtMs !== null);
    this.waitFor(`#${publications.map(({ id }) => id).join(' #')} acknowledged`, connectedWithinMs, acked);
  }

  arrivals(client: SimulatedClient): readonly Arrival[] {
    return client.session?.arrivals ?? [];
  }

  /** Returns how often the message arrived in the client's session. */
  deliveryCount(client: SimulatedClient, publication: Publication): number {
    return this.arrivals(client).filter((arrival) => arrival.publication === publication.id).length;
  }

  waitForArrival(client: SimulatedClient, ...publications: readonly Publication[]): void {
    for (const publication of publications) {
      const what = `${client.id} receives #${publication.id}`;
      this.waitFor(what, connectedWithinMs, () => this.deliveryCount(client, publication) > 0);
    }
  }

  // ---- links ----

  /** Adds a link to another site, and waits until a member runs it. */
  link(): SimulatedLink {
    const link = new SimulatedLink(this.world, this.world.random.fork());
    this.#link = link;
    link.start();
    this.waitFor('a member runs the link', linkedWithinMs, () => link.runner !== null);
    return link;
  }

  // ---- checks ----

  /** Ends all faults, waits until no message is in flight, and runs the checks. @returns the violations */
  finish(): string[] {
    const { world } = this;
    world.heal();
    for (const host of world.hosts) {
      host.disk.full = false;
      host.disk.syncMs = [0.5, 4];
      host.pages?.repair();
      if (host.state === 'paused') world.resume(host.id);
      if (!host.isUp) world.start(host.id);
    }
    const areServing = world.until(() => isServing(world), servingWithinMs);
    if (!areServing)
      world.history.reportViolation({
        promise: 'P7',
        text: `not all members serve within ${servingWithinMs} ms`,
      });
    for (const client of world.clients) client.incoming.acknowledgeAtOnce();
    const isQuiet = world.until(() => isQuiescent(world, silentMs), quiescentWithinMs);
    if (!isQuiet)
      world.history.reportViolation({
        promise: 'P7',
        text: `messages are still in flight after ${quiescentWithinMs} ms`,
      });
    this.#finishLink();
    checkOneConnection(world);
    checkSameState(world);
    checkDelivery(world.history);
    checkSharedDelivery(world.history);
    checkRedelivery(world.history);
    checkMessageExpiry(world.history);
    checkSubscriptionOptions(world.history);
    checkQos0(world.history);
    return this.violations;
  }

  #finishLink(): void {
    const link = this.#link;
    if (link === null) return;
    if (!this.world.until(() => link.problem() === null, quiescentWithinMs))
      this.world.history.reportViolation({
        promise: 'link',
        text: link.problem() ?? 'the link was not done in time',
      });
    link.check();
  }

  get violations(): string[] {
    return this.world.history.violations.map(({ promise, text }) => `${promise}: ${text}`);
  }
}
