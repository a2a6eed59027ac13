import { defaultSettings } from '@mqtt-cluster/contracts';
import type { QoS } from '@mqtt-cluster/contracts';
import { usualClient } from './client.ts';
import type { ClientOptions, SimulatedClient } from './client.ts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';

export const willWatcher = 'will-watcher';
/** A client that is away while more is published for it than a queue may hold. */
export const hoarder = 'hoarder';
/** What only the hoarder gets. */
const hoardedTopic = 'q';

const topics = ['t/0', 't/1', 't/2', 't/x/1', 't/x/2', 's/1'];
const retainedTopics = ['r/0', 'r/1', 'r/2', 'r/x/3'];
const filters = ['t/+', 't/#', 't/0', 't/x/+', '+/1', '#', 'r/#', 's/1', 't/+/1', 'r/+'];

/** A little more than the bound of a queue (`defaultSettings`). */
const hoardedMessages = defaultSettings.queuedMessagesMax + 60;

/** A message that waits longer than this for its ack makes its publisher try another member. */
const patienceMsMax = 3_000;

/** The clients of one run, and what they do while it lasts. */
export class Population {
  readonly #world: World;
  readonly #random: Random;
  /** While false nothing new is begun. */
  #busy = true;
  #hoards = false;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  start(): void {
    const random = this.#random;
    this.#hoards = random.chance(0.06);
    if (this.#hoards) this.#addHoarder();
    this.#add({ id: willWatcher, subscriptions: [{ filter: 'w/#', qos: 2 }] });
    for (let number = 0; number < 2 + random.below(3); number += 1) this.#addPublisher(number);
    for (let number = 0; number < 2 + random.below(3); number += 1) this.#addSubscriber(number, false);
    for (let number = 0; number < 1 + random.below(2); number += 1) this.#addSubscriber(number, true);
    for (let number = 0; number < 1 + random.below(3); number += 1) this.#addMortal(number);
    if (random.chance(0.6)) this.#addGroup();
    if (random.chance(0.6)) this.#addTwins();
    if (random.chance(0.5)) this.#addChurner();
    if (random.chance(0.5)) this.#addForgetful();
    if (random.chance(0.6)) this.#addReader();
  }

  /** Nothing new is published; those who stay away for good stay away, all others come back. */
  rest(): void {
    this.#busy = false;
    for (const client of this.#world.clients) {
      client.incoming.hurry();
      const gone = client.id.startsWith('mortal') || client.id.startsWith('twin');
      if (!gone && !client.wanted) client.connect(null);
    }
  }

  #add(options: Partial<ClientOptions> & { id: string }): SimulatedClient {
    const client = this.#world.client({ ...usualClient, ...options });
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
      home: random.chance(0.3) ? this.#anyHome() : null,
    });
    const everyMs = random.between(40, 300);
    this.#often(everyMs, () => this.#publishSomething(client));
    this.#often(1_000, () => {
      const sinceMs = client.outgoing.waitingSinceMs;
      if (client.connected && sinceMs !== null && this.#world.nowMs - sinceMs > patienceMsMax) {
        client.move(null, random.chance(0.5) ? 'disconnect' : 'close');
      } else if (random.chance(0.1) && client.connected) this.#roam(client);
    });
  }

  #publishSomething(client: SimulatedClient): void {
    const random = this.#random;
    // An application that hears no ack does not go on for ever.
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
    const possible = this.#hoards ? filters.filter((filter) => filter !== '#') : filters;
    const wanted = random.shuffled(possible).slice(0, 1 + random.below(3));
    const client = this.#add({
      id: `${clean ? 'clean' : 'subscriber'}-${number}`,
      clean,
      expirySeconds: clean ? 0 : 3_600,
      receiveMaximum: 1 + random.below(20),
      ackDelayMsMax: random.pick([1, 5, 30, 150]),
      subscriptions: wanted.map((filter) => ({ filter, qos: random.pick<QoS>([0, 1, 2, 2]) })),
      home: random.chance(0.4) ? this.#anyHome() : null,
    });
    this.#often(random.between(1_500, 5_000), () => {
      const what = random.below(5);
      if (!client.wanted) client.connect(null);
      else if (what === 0) this.#roam(client);
      else if (what === 1) client.leave(this.#anyEnd());
      else if (what === 2) {
        client.incoming.answers = false;
        this.#world.timeline.after(random.between(100, 1_500), () => client.incoming.answerAgain());
      } else this.#stall(client);
    });
  }

  /** Its socket is full for a while. */
  #stall(client: SimulatedClient): void {
    const { wire } = client;
    if (wire === null || !client.connected) return;
    wire.toHost({ kind: 'writable', writable: false });
    this.#world.timeline.after(this.#random.between(100, 1_500), () =>
      wire.toHost({ kind: 'writable', writable: true }),
    );
  }

  /** Has a will; dies, and comes back or does not. */
  #addMortal(number: number): void {
    const random = this.#random;
    const clean = random.chance(0.5);
    const client = this.#add({
      id: `mortal-${number}`,
      clean,
      expirySeconds: clean ? 0 : 3_600,
      will: { topic: `w/${number}`, qos: 2, delaySeconds: clean || random.chance(0.7) ? 0 : 1 },
      reconnects: random.chance(0.5),
    });
    const staysDead = random.chance(0.4);
    this.#often(random.between(1_000, 4_000), () => {
      if (client.wanted) client.leave(this.#anyEnd());
      else if (!staysDead || random.chance(0.3)) client.connect(null);
    });
  }

  #addGroup(): void {
    for (let number = 0; number < 2 + this.#random.below(2); number += 1) {
      const client = this.#add({
        id: `worker-${number}`,
        ackDelayMsMax: 40,
        receiveMaximum: 5,
        subscriptions: [{ filter: '$share/workers/t/+', qos: this.#random.pick<QoS>([1, 2]) }],
      });
      this.#often(3_000, () => {
        if (client.connected) this.#roam(client);
      });
    }
  }

  /** Two devices with one client id. */
  #addTwins(): void {
    const clean = this.#random.chance(0.5);
    for (let number = 0; number < 2; number += 1) {
      const client = this.#add({
        id: 'twin',
        clean,
        expirySeconds: clean ? 0 : 3_600,
        contested: true,
        reconnects: false,
        subscriptions: [{ filter: 't/0', qos: 2 }],
      });
      this.#often(1_200, () => {
        if (!client.wanted) client.connect(null);
        else if (this.#random.chance(0.2)) client.leave(this.#anyEnd());
      });
    }
  }

  /** Starts clean each time, though its session would have waited (MQTT 5). */
  #addForgetful(): void {
    const client = this.#add({
      id: 'forgetful',
      clean: true,
      subscriptions: [{ filter: 't/#', qos: 2 }],
    });
    this.#often(2_000, () => this.#roam(client));
  }

  /** Asks again and again for what is retained, and may lose its home before it has all of it. */
  #addReader(): void {
    const random = this.#random;
    const client = this.#add({ id: 'reader', receiveMaximum: 1 + random.below(3), ackDelayMsMax: 150 });
    this.#often(700, () => {
      const what = random.below(6);
      if (what === 0) return this.#roam(client);
      if (what === 1) {
        client.incoming.answers = false;
        this.#world.timeline.after(random.between(300, 2_000), () => client.incoming.answerAgain());
      }
      client.subscribe({ filter: random.pick(['r/#', 'r/+', 'r/0']), qos: random.pick<QoS>([1, 2]) });
    });
  }

  #addHoarder(): void {
    const away = this.#add({ id: hoarder, subscriptions: [{ filter: hoardedTopic, qos: 1 }] });
    const publisher = this.#add({ id: 'flooder', windowMax: 24 });
    const leaveWhenSubscribed = (): void => {
      if (!this.#busy) return;
      if (!away.connected || !away.isSettled) {
        this.#world.timeline.after(100, leaveWhenSubscribed);
        return;
      }
      away.leave('disconnect');
      for (let count = 0; count < hoardedMessages; count += 1) publisher.publish(hoardedTopic, 1);
    };
    this.#world.timeline.after(1_000, leaveWhenSubscribed);
  }

  #addChurner(): void {
    const client = this.#add({ id: 'churner', subscriptions: [{ filter: 't/0', qos: 1 }] });
    this.#often(400, () => {
      if (client.subscriptions.wants('t/0')) client.unsubscribe('t/0');
      else client.subscribe({ filter: 't/0', qos: 1 });
    });
  }

  #roam(client: SimulatedClient): void {
    client.move(null, this.#anyEnd());
  }

  #anyEnd(): 'disconnect' | 'close' | 'vanish' {
    return this.#random.pick(['disconnect', 'close', 'vanish'] as const);
  }

  #anyHome(): string {
    return this.#random.pick(this.#world.hosts).id;
  }

  #often(everyMs: number, action: () => void): void {
    this.#world.timeline.after(this.#random.between(0.3, 1.7) * everyMs, () => {
      if (!this.#busy) return;
      action();
      this.#often(everyMs, action);
    });
  }
}
