import type { MemberEvent } from '@mqtt-cluster/contracts';
import { checkOccurred, checkRemaining } from './checks/cluster-time.ts';
import type { Disturbance, TimedThing } from './checks/cluster-time.ts';
import { isServing } from './checks/final-state.ts';
import { ProbeClient } from './clients/probe-client.ts';
import type { Random } from './world/random.ts';
import type { World } from './world/world.ts';

/** How many sessions, wills, retained messages and queued messages a run has, each with a delay of its own. */
const thingsOfAKind = 4;
const delaySecondsMin = 2;
const delaySecondsMax = 70;
const actionsMin = 3;
const actionsMore = 4;
const answerMsMax = 5_000;
const servingMsMax = 15_000;
/** Time after a disturbance after which a subscriber must receive the exact remaining expiry. */
const settledMs = 1_000;
const stepMsMax = 7_200_000;

interface TimedMessage extends TimedThing {
  readonly topic: string;
}

interface QueuedMessage extends TimedMessage {
  readonly reader: ProbeClient;
}

/**
 * Checks cluster time in a quiet cluster: sessions, wills and messages with delays, while leaders are killed,
 * all members are stopped for a long time, and one host has a wall clock that steps.
 */
export class ClusterTimePhase {
  readonly #world: World;
  readonly #random: Random;
  readonly #publisher: ProbeClient;
  readonly #disturbances: Disturbance[] = [];
  readonly #wills: TimedThing[] = [];
  readonly #sessions: TimedThing[] = [];
  readonly #retained: TimedMessage[] = [];
  readonly #queued: QueuedMessage[] = [];
  /**
   * The host whose wall clock steps. The median needs a right clock at more than half of the members that elect, so
   * docs/DESIGN.md promises that one wrong clock moves nothing.
   */
  readonly #unreliable: readonly string[];
  readonly #firstEvent: number;
  #subscribers = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#publisher = new ProbeClient(world, random, 'time-publisher');
    const ids = world.hosts.map(({ id }) => id);
    this.#unreliable = ids.length < 3 ? [] : random.shuffled(ids).slice(0, 1);
    this.#firstEvent = world.events.length;
  }

  run(): void {
    const { history } = this.#world;
    const damagedAtFirst = history.marks.get('store-damage-found') ?? 0;
    this.#connect(this.#publisher);
    for (let number = 0; number < thingsOfAKind; number += 1) this.#addThings(number);
    this.#publisher.close(true);
    const actions = actionsMin + this.#random.below(actionsMore);
    for (let action = 0; action < actions; action += 1) {
      this.#world.run(this.#random.between(1_500, 5_000));
      this.#disturb();
      // A damaged store has no clock record. One more wrong clock is then one of two, so the time of a stop may be lost.
      if ((history.marks.get('store-damage-found') ?? 0) > damagedAtFirst) return;
      this.#world.run(settledMs);
      this.#receive(action);
    }
    this.#checkEvents();
  }

  // ---- things with a delay ----

  #addThings(number: number): void {
    const random = this.#random;
    this.#wills.push(
      this.#leave(`time-will-${number}`, (delaySeconds) => ({
        sessionExpirySeconds: 3_600,
        will: { topic: 'time/w', payload: Buffer.from('w'), qos: 1, retain: false, delaySeconds },
      })),
    );
    this.#sessions.push(
      this.#leave(`time-session-${number}`, (sessionExpirySeconds) => ({ sessionExpirySeconds })),
    );
    this.#retained.push(this.#publish(`time/r/${number}`, true));
    const reader = new ProbeClient(this.#world, random, `time-reader-${number}`);
    const topic = `time/q/${number}`;
    this.#connect(reader);
    this.#answered(reader, 'suback', reader.subscribe(topic, 1));
    reader.close(true);
    this.#world.run(50);
    this.#queued.push({ ...this.#publish(topic, false), reader });
  }

  /** Connects a client and ends its connection without DISCONNECT: the delay begins. */
  #leave(
    id: string,
    requestFor: (delaySeconds: number) => Parameters<ProbeClient['connect']>[1],
  ): TimedThing {
    const delaySeconds = this.#delaySeconds();
    const client = new ProbeClient(this.#world, this.#random, id);
    this.#connect(client, requestFor(delaySeconds));
    const { nowMs } = this.#world;
    client.close();
    this.#world.run(200);
    return { name: id, startedMs: [nowMs, this.#world.nowMs], delayMs: delaySeconds * 1_000 };
  }

  #publish(topic: string, retain: boolean): TimedMessage {
    const delaySeconds = this.#delaySeconds();
    const { nowMs } = this.#world;
    const properties = { messageExpiryInterval: delaySeconds };
    const packetId = this.#publisher.publish(topic, 'x', { retain, properties });
    const ackedMs = this.#answered(this.#publisher, 'puback', packetId);
    return { name: topic, topic, startedMs: [nowMs, ackedMs], delayMs: delaySeconds * 1_000 };
  }

  #delaySeconds(): number {
    return delaySecondsMin + this.#random.below(delaySecondsMax - delaySecondsMin);
  }

  // ---- faults ----

  #disturb(): void {
    const random = this.#random;
    const world = this.#world;
    if (random.chance(0.5) && this.#unreliable.length > 0)
      world.stepWallClock(random.pick(this.#unreliable), random.between(-stepMsMax, stepMsMax));
    const fromMs = world.nowMs;
    if (world.hosts.length > 1 && random.chance(0.7)) this.#killLeader();
    else this.#stopAll();
    if (!world.until(() => isServing(world), servingMsMax)) {
      const text = `not all members serve ${servingMsMax} ms after a quiet stop`;
      world.history.reportViolation({ promise: 'P7 members', text });
    }
    this.#disturbances.push({ fromMs, toMs: world.nowMs });
  }

  #killLeader(): void {
    const world = this.#world;
    const leader = world.hosts.find(({ member }) => member?.status().role === 'leader');
    if (leader === undefined) return;
    world.history.mark('quiet-leader-change');
    world.kill(leader.id);
    world.run(this.#random.between(20, 2_000));
    world.start(leader.id);
  }

  #stopAll(): void {
    const random = this.#random;
    const world = this.#world;
    world.history.mark('long-full-stop');
    for (const { id } of world.hosts) {
      if (random.chance(0.5)) world.kill(id);
      else world.powerOff(id);
    }
    world.run(random.between(5_000, 40_000));
    // A clock that is wrong only while its host is down is not in the clock record of the host.
    if (random.chance(0.5) && this.#unreliable.length > 0) {
      world.history.mark('clock-stepped-while-stopped');
      world.stepWallClock(random.pick(this.#unreliable), random.between(-stepMsMax, stepMsMax));
    }
    for (const { id } of random.shuffled(world.hosts)) {
      world.start(id);
      world.run(random.between(0, 300));
    }
  }

  // ---- observations ----

  #receive(action: number): void {
    const retained = this.#retained[action % thingsOfAKind]!;
    const subscriber = new ProbeClient(this.#world, this.#random, `time-subscriber-${this.#subscribers++}`);
    this.#connect(subscriber, { clean: true, sessionExpirySeconds: 0 });
    subscriber.subscribe(retained.topic, 1);
    this.#checkDelivery(subscriber, retained);
    subscriber.close(true);
    const queued = this.#queued[action];
    if (queued === undefined) return;
    this.#connect(queued.reader);
    this.#checkDelivery(queued.reader, queued);
    queued.reader.close(true);
  }

  #checkDelivery(subscriber: ProbeClient, thing: TimedMessage): void {
    const askedMs = this.#world.nowMs;
    this.#world.run(300);
    const delivery = subscriber.deliveries.find(({ message }) => message.topic === thing.topic);
    const seconds = delivery === undefined ? null : (delivery.expirySeconds ?? Infinity);
    checkRemaining(this.#world.history, thing, delivery?.atMs ?? askedMs, seconds);
  }

  #checkEvents(): void {
    const { history } = this.#world;
    for (const will of this.#wills)
      checkOccurred(history, will, this.#firstMs('willFired', will.name), this.#disturbances);
    for (const session of this.#sessions)
      checkOccurred(history, session, this.#firstMs('sessionEnded', session.name), this.#disturbances);
  }

  #firstMs(kind: 'willFired' | 'sessionEnded', client: string): number | null {
    const isWanted = (event: MemberEvent): boolean => event.kind === kind && event.client === client;
    const events = this.#world.events.slice(this.#firstEvent);
    return events.find(({ event }) => isWanted(event))?.atMs ?? null;
  }

  #connect(client: ProbeClient, request: Parameters<ProbeClient['connect']>[1] = {}): void {
    client.connect(this.#random.pick(this.#world.hosts), request);
    if (!this.#world.until(() => client.sessionPresent !== null, answerMsMax))
      this.#unanswered(client, 'CONNACK');
  }

  #answered(client: ProbeClient, kind: 'puback' | 'suback', packetId: number): number {
    if (!this.#world.until(() => client.answeredAtMs(kind, packetId) !== null, answerMsMax))
      this.#unanswered(client, kind.toUpperCase());
    return client.answeredAtMs(kind, packetId) ?? this.#world.nowMs;
  }

  #unanswered(client: ProbeClient, packet: string): void {
    const text = `${client.id} received no ${packet} within ${answerMsMax} ms in a quiet cluster`;
    this.#world.history.reportViolation({ promise: 'P7 clients', client: client.id, text });
  }
}
