import { defaultSettings } from '@mqtt-cluster/contracts';
import type { QoS } from '@mqtt-cluster/contracts';
import { defaultClient } from './client-options.ts';
import type { ClientOptions } from './client-options.ts';
import type { SimulatedClient } from './client.ts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';

export const willWatcher = 'will-watcher';
/**
 * Id of the client whose queue overflows: it is offline while more messages are published than its queue
 * holds.
 */
export const overflowClient = 'hoarder';
/** Topic that only the client with the overflowing queue subscribes to. */
const overflowTopic = 'q';

const topics = ['t/0', 't/1', 't/2', 't/x/1', 't/x/2', 's/1'];
const retainedTopics = ['r/0', 'r/1', 'r/2', 'r/x/3'];
const filters = ['t/+', 't/#', 't/0', 't/x/+', '+/1', '#', 'r/#', 's/1', 't/+/1', 'r/+'];

/** More messages than the bound of a queue (`defaultSettings`). */
const overflowMessages = defaultSettings.queuedMessagesMax + 60;

/** A publisher that waits longer than this for an acknowledgement connects to another member. */
const ackWaitMsMax = 3_000;

/**
 * The clients of one run and their actions. A change of a client id, a topic or the order of the random draws
 * gives every seed another run: a longer client id, for example, changes the size of entries, and so the time
 * of snapshots.
 */
export class Workload {
  readonly #world: World;
  readonly #random: Random;
  /** Whether the clients start new actions; false after `stop`. */
  #isActive = true;
  #overflows = false;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  start(): void {
    const random = this.#random;
    this.#overflows = random.chance(0.06);
    if (this.#overflows) this.#addOverflowClient();
    this.#add({ id: willWatcher, subscriptions: [{ filter: 'w/#', qos: 2 }] });
    for (let number = 0; number < 2 + random.below(3); number += 1) this.#addPublisher(number);
    for (let number = 0; number < 2 + random.below(3); number += 1) this.#addSubscriber(number, false);
    for (let number = 0; number < 1 + random.below(2); number += 1) this.#addSubscriber(number, true);
    for (let number = 0; number < 1 + random.below(3); number += 1) this.#addWillClient(number);
    if (random.chance(0.6)) this.#addGroup();
    if (random.chance(0.6)) this.#addTwins();
    if (random.chance(0.5)) this.#addSubscriptionToggler();
    if (random.chance(0.5)) this.#addCleanStartClient();
    if (random.chance(0.6)) this.#addRetainedReader();
  }

  /** Ends all publishing. Every client reconnects, except for clients with a will or a shared client id. */
  stop(): void {
    this.#isActive = false;
    for (const client of this.#world.clients) {
      client.incoming.acknowledgeAtOnce();
      const staysAway = /^(mortal|twin|rival)/.test(client.id);
      if (!staysAway && !client.shouldBeConnected) client.connect(null);
    }
  }

  #add(options: Partial<ClientOptions> & { id: string }): SimulatedClient {
    const client = this.#world.client({ ...defaultClient, ...options });
    this.#world.timeline.after(this.#random.between(0, 800), () => client.connect());
    return client;
  }

  #addPublisher(number: number): void {
    const random = this.#random;
    const clean = random.chance(0.25);
    const client = this.#add({
      id: `publisher-${number}`,
      clean,
      expirySeconds: clean ? 0 : 3_600,
      windowMax: 1 + random.below(10),
      home: random.chance(0.3) ? this.#randomHome() : null,
    });
    const everyMs = random.between(40, 300);
    this.#repeat(everyMs, () => this.#publishSomething(client));
    this.#repeat(1_000, () => {
      const sinceMs = client.outgoing.waitingSinceMs;
      if (client.connected && sinceMs !== null && this.#world.nowMs - sinceMs > ackWaitMsMax) {
        client.move(null, random.chance(0.5) ? 'disconnect' : 'close');
      } else if (random.chance(0.1) && client.connected) this.#moveElsewhere(client);
    });
  }

  #publishSomething(client: SimulatedClient): void {
    const random = this.#random;
    // An application that receives no acknowledgements stops publishing at some point.
    if (client.outgoing.unfinished > 60) return;
    const qos = random.pick<QoS>([0, 1, 1, 2, 2]);
    const burst = random.chance(0.1) ? 10 : 1;
    for (let count = 0; count < burst; count += 1) {
      if (random.chance(0.15)) {
        const clears = random.chance(0.3);
        client.publish(random.pick(retainedTopics), random.chance(0.5) ? 1 : 2, { retain: true, clears });
      } else client.publish(random.pick(topics), qos);
    }
  }

  #addSubscriber(number: number, clean: boolean): void {
    const random = this.#random;
    const possible = this.#overflows ? filters.filter((filter) => filter !== '#') : filters;
    const wanted = random.shuffled(possible).slice(0, 1 + random.below(3));
    const client = this.#add({
      id: `${clean ? 'clean' : 'subscriber'}-${number}`,
      clean,
      expirySeconds: clean ? 0 : 3_600,
      receiveMaximum: 1 + random.below(20),
      ackDelayMsMax: random.pick([1, 5, 30, 150]),
      subscriptions: wanted.map((filter) => ({ filter, qos: random.pick<QoS>([0, 1, 2, 2]) })),
      home: random.chance(0.4) ? this.#randomHome() : null,
    });
    this.#repeat(random.between(1_500, 5_000), () => {
      const what = random.below(5);
      if (!client.shouldBeConnected) client.connect(null);
      else if (what === 0) this.#moveElsewhere(client);
      else if (what === 1) client.leave(this.#randomEnd());
      else if (what === 2) {
        client.incoming.acknowledges = false;
        this.#world.timeline.after(random.between(100, 1_500), () => client.incoming.resumeAcknowledging());
      } else this.#fillSocket(client);
    });
  }

  /** Reports to the home for a while that the client's socket accepts no more data. */
  #fillSocket(client: SimulatedClient): void {
    const { connection } = client;
    if (connection === null || !client.connected) return;
    this.#world.history.recordSlowClient(connection.id);
    connection.toHost({ kind: 'writable', writable: false });
    this.#world.timeline.after(this.#random.between(100, 1_500), () =>
      connection.toHost({ kind: 'writable', writable: true }),
    );
  }

  /**
   * Adds a client with a will. The connection of the client ends repeatedly, and the client may stay away.
   */
  #addWillClient(number: number): void {
    const random = this.#random;
    const clean = random.chance(0.5);
    const client = this.#add({
      id: `mortal-${number}`,
      clean,
      expirySeconds: clean ? 0 : 3_600,
      will: { topic: `w/${number}`, qos: 2, delaySeconds: clean || random.chance(0.7) ? 0 : 1 },
      reconnects: random.chance(0.5),
    });
    const staysAway = random.chance(0.4);
    this.#repeat(random.between(1_000, 4_000), () => {
      if (client.shouldBeConnected) client.leave(this.#randomEnd());
      else if (!staysAway || random.chance(0.3)) client.connect(null);
    });
  }

  /** Adds two or three clients of a shared subscription. */
  #addGroup(): void {
    for (let number = 0; number < 2 + this.#random.below(2); number += 1) {
      const client = this.#add({
        id: `worker-${number}`,
        ackDelayMsMax: 40,
        receiveMaximum: 5,
        subscriptions: [{ filter: '$share/workers/t/+', qos: this.#random.pick<QoS>([1, 2]) }],
      });
      this.#repeat(3_000, () => {
        if (client.connected) this.#moveElsewhere(client);
      });
    }
  }

  /** Adds two devices with one client id. */
  #addTwins(): void {
    const clean = this.#random.chance(0.5);
    for (let number = 0; number < 2; number += 1) {
      const client = this.#add({
        id: 'twin',
        clean,
        expirySeconds: clean ? 0 : 3_600,
        sharesClientId: true,
        reconnects: false,
        subscriptions: [{ filter: 't/0', qos: 2 }],
      });
      this.#repeat(1_200, () => {
        if (!client.shouldBeConnected) client.connect(null);
        else if (this.#random.chance(0.2)) client.leave(this.#randomEnd());
      });
    }
  }

  /** Adds a client that connects with Clean Start although its session has not expired (MQTT 5). */
  #addCleanStartClient(): void {
    const client = this.#add({
      id: 'forgetful',
      clean: true,
      subscriptions: [{ filter: 't/#', qos: 2 }],
    });
    this.#repeat(2_000, () => this.#moveElsewhere(client));
  }

  /**
   * Adds a client that subscribes to retained messages repeatedly, and may lose its home before all retained
   * messages have arrived.
   */
  #addRetainedReader(): void {
    const random = this.#random;
    const client = this.#add({ id: 'reader', receiveMaximum: 1 + random.below(3), ackDelayMsMax: 150 });
    this.#repeat(700, () => {
      const what = random.below(6);
      if (what === 0) return this.#moveElsewhere(client);
      if (what === 1) {
        client.incoming.acknowledges = false;
        this.#world.timeline.after(random.between(300, 2_000), () => client.incoming.resumeAcknowledging());
      }
      client.subscribe({ filter: random.pick(['r/#', 'r/+', 'r/0']), qos: random.pick<QoS>([1, 2]) });
    });
  }

  #addOverflowClient(): void {
    const away = this.#add({ id: overflowClient, subscriptions: [{ filter: overflowTopic, qos: 1 }] });
    const publisher = this.#add({ id: 'flooder', windowMax: 24 });
    const leaveWhenSubscribed = (): void => {
      if (!this.#isActive) return;
      if (!away.connected || !away.isIdle) {
        this.#world.timeline.after(100, leaveWhenSubscribed);
        return;
      }
      away.leave('disconnect');
      for (let count = 0; count < overflowMessages; count += 1) publisher.publish(overflowTopic, 1);
    };
    this.#world.timeline.after(1_000, leaveWhenSubscribed);
  }

  #addSubscriptionToggler(): void {
    const client = this.#add({ id: 'churner', subscriptions: [{ filter: 't/0', qos: 1 }] });
    this.#repeat(400, () => {
      if (client.subscriptions.wants('t/0')) client.unsubscribe('t/0');
      else client.subscribe({ filter: 't/0', qos: 1 });
    });
  }

  #moveElsewhere(client: SimulatedClient): void {
    client.move(null, this.#randomEnd());
  }

  #randomEnd(): 'disconnect' | 'close' | 'vanish' {
    return this.#random.pick(['disconnect', 'close', 'vanish'] as const);
  }

  #randomHome(): string {
    return this.#random.pick(this.#world.hosts).id;
  }

  #repeat(everyMs: number, action: () => void): void {
    this.#world.timeline.after(this.#random.between(0.3, 1.7) * everyMs, () => {
      if (!this.#isActive) return;
      action();
      this.#repeat(everyMs, action);
    });
  }
}
