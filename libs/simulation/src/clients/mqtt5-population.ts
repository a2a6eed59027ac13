import type { QoS, Subscription } from '@mqtt-cluster/contracts';
import { defaultClient } from './client-options.ts';
import type { ClientOptions } from './client-options.ts';
import type { SimulatedClient } from './client.ts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';

/** Prefix of the ids of the clients that read retained messages with an expiry and acknowledge at once. */
export const expiryReader = 'expiry-reader';
/** Prefix of the ids of the clients that stay subscribed to QoS 0 messages. */
export const liveSubscriber = 'live-subscriber';
/** Filter of the topics with retained messages that expire. */
const expiringRetained = 'e/#';

const topics = ['m/0', 'm/1', 'm/x/2'];
const retainedTopics = ['e/0', 'e/1', 'e/2', 'e/x/3'];
const liveTopics = ['l/0', 'l/1'];
const loneTopics = ['n/0', 'n/1'];
const keptTopics = ['k/0', 'k/1'];
/** Message Expiry Intervals in seconds; null: none. The last one is longer than a run. */
const messageExpiries = [1, 1, 2, 3, null, 600];
/** Session Expiry Intervals in seconds. The last one is longer than a run. */
const sessionExpiries = [1, 1, 2, 3, 3_600];
/** Share of the runs that have each kind of client. */
const kindChance = 0.6;
const unfinishedMax = 40;

/**
 * The clients of a run that use what MQTT 5 adds: expiry of sessions and messages, will delay, Receive Maximum,
 * Retain Handling, Subscription Identifiers, No Local, and shared subscriptions whose members come and go. The
 * clients of {@link Workload} stand for MQTT 3.1.1. Both kinds receive each other's messages.
 */
export class Mqtt5Population {
  readonly #world: World;
  readonly #random: Random;
  #isActive = true;
  #transient: SimulatedClient | null = null;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  start(): void {
    const random = this.#random;
    this.#addPublisher();
    this.#addOlderReader();
    for (let number = 0; number < 1 + random.below(2); number += 1) this.#addSleeper(number);
    if (random.chance(kindChance)) this.#addRetainedClients();
    if (random.chance(kindChance)) this.#addGroup();
    if (random.chance(kindChance)) this.#addLoneGroup();
    if (random.chance(kindChance)) this.#addLiveClients();
    if (random.chance(kindChance)) this.#addMortal();
    if (random.chance(kindChance)) this.#addRivals();
    if (random.chance(kindChance)) this.#addTransient();
    this.#addSessionEnder();
    this.#addRetainAsPublished();
  }

  stop(): void {
    this.#isActive = false;
  }

  #add(options: Partial<ClientOptions> & { id: string }): SimulatedClient {
    const client = this.#world.client({ ...defaultClient, ...options });
    this.#world.timeline.after(this.#random.between(0, 800), () => client.connect());
    return client;
  }

  /** Adds a publisher of messages with and without expiry, which subscribes to its own topics with No Local. */
  #addPublisher(): void {
    const random = this.#random;
    const client = this.#add({
      id: 'expiring-publisher',
      windowMax: 1 + random.below(10),
      subscriptions: [{ filter: 'm/#', qos: 1, noLocal: true }],
    });
    this.#repeat(random.between(120, 400), () => {
      if (client.outgoing.unfinished > unfinishedMax) return;
      const burst = random.chance(0.15) ? 6 : 1;
      for (let count = 0; count < burst; count += 1)
        client.publish(random.pick(topics), random.pick<QoS>([0, 1, 1, 2]), this.#expiry());
    });
    this.#repeat(2_500, () => this.#moveElsewhere(client));
  }

  #expiry(): { expirySeconds?: number } {
    const expirySeconds = this.#random.pick(messageExpiries);
    return expirySeconds === null ? {} : { expirySeconds };
  }

  /** Adds a client with the features of MQTT 3.1.1 that receives the messages with an expiry. */
  #addOlderReader(): void {
    const random = this.#random;
    const clean = random.chance(0.3);
    const client = this.#add({
      id: 'older-reader',
      clean,
      expirySeconds: clean ? 0 : 3_600,
      receiveMaximum: 65_535,
      subscriptions: [{ filter: random.pick(['m/#', 'm/+', '+/0']), qos: random.pick<QoS>([1, 2]) }],
    });
    this.#repeat(2_500, () => this.#moveElsewhere(client));
  }

  /** Adds a client that is away for shorter and for longer times than its session lasts. */
  #addSleeper(number: number): void {
    const random = this.#random;
    const filters = random
      .shuffled(['m/#', 'm/+', 'm/0', '+/1', 't/#', 'm/x/+'])
      .slice(0, 1 + random.below(3));
    const client = this.#add({
      id: `sleeper-${number}`,
      expirySeconds: random.pick(sessionExpiries),
      receiveMaximum: 1 + random.below(5),
      ackDelayMsMax: random.pick([1, 20, 80]),
      subscriptions: filters.map((filter, place) => ({
        filter,
        qos: random.pick<QoS>([1, 2]),
        subscriptionIdentifier: place + 1,
      })),
    });
    this.#repeat(random.between(1_500, 3_500), () => {
      if (!client.shouldBeConnected) return client.connect(null);
      if (random.chance(0.3)) {
        client.incoming.acknowledges = false;
        this.#world.timeline.after(random.between(300, 2_500), () => client.incoming.resumeAcknowledging());
        return;
      }
      client.leave(this.#randomEnd());
      this.#world.timeline.after(random.between(100, 5_000), () => client.connect(null));
    });
  }

  /** Adds a writer of retained messages that expire, and a reader that subscribes to them repeatedly. */
  #addRetainedClients(): void {
    const random = this.#random;
    const writer = this.#add({ id: 'expiring-writer' });
    this.#repeat(random.between(200, 600), () => {
      if (writer.outgoing.unfinished > unfinishedMax) return;
      const clears = random.chance(0.1);
      const expiry = clears ? {} : this.#expiry();
      writer.publish(random.pick(retainedTopics), random.pick<QoS>([1, 2]), {
        retain: true,
        clears,
        ...expiry,
      });
    });
    const reader = this.#add({ id: `${expiryReader}-0`, ackDelayMsMax: 1, receiveMaximum: 100 });
    this.#repeat(600, () => {
      if (random.chance(0.15)) return this.#moveElsewhere(reader);
      reader.subscribe({
        filter: random.pick(['e/#', 'e/+', 'e/0', '+/x/#']),
        qos: random.pick<QoS>([1, 2]),
      });
    });
    const other = this.#add({
      id: 'handling-reader',
      subscriptions: [{ filter: expiringRetained, qos: 1, retainHandling: random.pick([1, 2] as const) }],
    });
    const [again] = other.options.subscriptions as [Subscription];
    this.#repeat(1_000, () => {
      if (random.chance(0.2)) return this.#moveElsewhere(other);
      other.subscribe(again);
    });
  }

  /** Adds a group with members of all kinds that come and go, and one member that stays. */
  #addGroup(): void {
    const random = this.#random;
    const filter = `$share/five/${random.pick(['m/#', 'm/+', '+/0'])}`;
    for (let number = 0; number < 2 + random.below(3); number += 1) {
      const staysSubscribed = number === 0;
      const clean = !staysSubscribed && random.chance(0.5);
      const client = this.#add({
        id: `sharer-${number}`,
        clean,
        expirySeconds: clean ? 0 : staysSubscribed ? 3_600 : random.pick(sessionExpiries),
        receiveMaximum: 1 + random.below(5),
        ackDelayMsMax: random.pick([1, 40, 150]),
        subscriptions: [{ filter, qos: staysSubscribed ? 2 : random.pick<QoS>([0, 1, 2]) }],
      });
      this.#repeat(random.between(800, 3_000), () => {
        if (!client.shouldBeConnected) client.connect(null);
        else if (staysSubscribed || random.chance(0.5)) this.#moveElsewhere(client);
        else client.leave(this.#randomEnd());
      });
    }
  }

  /** Adds a group with one member, which unsubscribes or ends its session, so that the group is often empty. */
  #addLoneGroup(): void {
    const random = this.#random;
    const filter = '$share/lone/n/+';
    const clean = random.chance(0.5);
    const member = this.#add({
      id: 'loner',
      clean,
      expirySeconds: clean ? 0 : 1,
      subscriptions: [{ filter, qos: random.pick<QoS>([0, 1, 2]) }],
    });
    this.#repeat(1_200, () => {
      if (!member.shouldBeConnected) member.connect(null);
      else if (random.chance(0.4)) member.leave(this.#randomEnd());
      else if (member.subscriptions.wants(filter)) member.unsubscribe(filter);
      else member.subscribe({ filter, qos: random.pick<QoS>([1, 2]) });
    });
    const publisher = this.#add({ id: 'lone-publisher' });
    this.#repeat(300, () => {
      if (publisher.outgoing.unfinished > unfinishedMax) return;
      publisher.publish(random.pick(loneTopics), random.pick<QoS>([0, 1, 2]), this.#expiry());
    });
  }

  /** Adds publishers and subscribers of QoS 0 messages at several members. */
  #addLiveClients(): void {
    const random = this.#random;
    for (let number = 0; number < 2; number += 1) {
      const clean = random.chance(0.5);
      const expirySeconds = clean ? 0 : 3_600;
      const publisher = this.#add({ id: `live-publisher-${number}`, clean, expirySeconds });
      this.#repeat(150, () => {
        if (!publisher.connected) return;
        for (let count = 0; count < 1 + random.below(2); count += 1)
          publisher.publish(random.pick(liveTopics), 0, random.chance(0.2) ? { expirySeconds: 1 } : {});
      });
      this.#repeat(4_000, () => this.#moveElsewhere(publisher));
      const subscriber = this.#add({
        id: `${liveSubscriber}-${number}`,
        clean: !clean,
        expirySeconds: clean ? 3_600 : 0,
        subscriptions: [{ filter: random.pick(['l/+', 'l/#', 'l/0']), qos: random.pick<QoS>([0, 1, 2]) }],
      });
      this.#repeat(3_000, () => this.#moveElsewhere(subscriber));
    }
    this.#add({ id: 'live-sharer', subscriptions: [{ filter: '$share/live/l/#', qos: 0 }] });
    this.#add({
      id: 'live-sharer-older',
      clean: true,
      expirySeconds: 0,
      subscriptions: [{ filter: '$share/live/l/#', qos: 1 }],
    });
  }

  /** Adds a client whose will has a delay that is shorter or longer than its session lasts. */
  #addMortal(): void {
    const random = this.#random;
    const client = this.#add({
      id: 'mortal-five',
      expirySeconds: random.pick([1, 2, 3_600]),
      will: { topic: 'w/five', qos: random.pick<QoS>([1, 2]), delaySeconds: random.pick([1, 2]) },
      reconnects: random.chance(0.5),
    });
    this.#repeat(random.between(1_000, 3_000), () => {
      if (client.shouldBeConnected) client.leave(this.#randomEnd());
      else client.connect(null);
    });
  }

  /** Adds two devices with one client id and wills, which take over each other's connection. */
  #addRivals(): void {
    const random = this.#random;
    for (let number = 0; number < 2; number += 1) {
      const client = this.#add({
        id: 'rival',
        clean: random.chance(0.5),
        expirySeconds: random.chance(0.5) ? 0 : 3_600,
        sharesClientId: true,
        reconnects: false,
        will: { topic: 'w/rival', qos: 2, delaySeconds: random.pick([0, 0, 1]) },
      });
      this.#repeat(400, () => {
        if (!client.shouldBeConnected) client.connect(null);
        else if (random.chance(0.2)) client.leave(this.#randomEnd());
      });
    }
  }

  /** Adds a client without Clean Start whose sessions end with their connections, so that none is present. */
  #addTransient(): void {
    this.#repeat(500, () => {
      if (this.#transient !== null) this.#moveElsewhere(this.#transient);
      // Older semantics versions report an ended session as present if its `close` is on its way.
      else if (this.#world.history.conformanceSinceMs !== null)
        this.#transient = this.#add({ id: 'transient', clean: false, expirySeconds: 0 });
    });
  }

  /** Adds a client that ends its session with DISCONNECT, and connects to another member at once. */
  #addSessionEnder(): void {
    const random = this.#random;
    const client = this.#add({
      id: 'session-ender',
      subscriptions: [{ filter: random.pick(['m/#', 'm/0']), qos: random.pick<QoS>([1, 2]) }],
    });
    this.#repeat(300, () => {
      if (client.connected) client.endSession();
    });
  }

  /** Adds a publisher of messages with and without RETAIN, and subscribers with and without Retain As Published. */
  #addRetainAsPublished(): void {
    const random = this.#random;
    const publisher = this.#add({ id: 'retain-publisher' });
    this.#repeat(200, () => {
      if (publisher.outgoing.unfinished > unfinishedMax) return;
      publisher.publish(random.pick(keptTopics), random.pick<QoS>([1, 2]), { retain: random.chance(0.5) });
    });
    for (const retainAsPublished of [true, false]) {
      const clean = random.chance(0.5);
      const client = this.#add({
        id: retainAsPublished ? 'retain-keeper' : 'retain-dropper',
        clean,
        expirySeconds: clean ? 0 : 3_600,
        subscriptions: [{ filter: 'k/#', qos: random.pick<QoS>([0, 1, 2]), retainAsPublished }],
      });
      this.#repeat(2_000, () => this.#moveElsewhere(client));
    }
  }

  #moveElsewhere(client: SimulatedClient): void {
    client.move(null, this.#randomEnd());
  }

  #randomEnd(): 'disconnect' | 'close' | 'vanish' {
    return this.#random.pick(['disconnect', 'close', 'vanish'] as const);
  }

  #repeat(everyMs: number, action: () => void): void {
    this.#world.timeline.after(this.#random.between(0.3, 1.7) * everyMs, () => {
      if (!this.#isActive) return;
      action();
      this.#repeat(everyMs, action);
    });
  }
}
