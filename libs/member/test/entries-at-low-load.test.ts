import type { ClientEffect, ConnectRequest, MemberId } from '@mqtt-cluster/contracts';
import { TestCluster } from './cluster.ts';

const ids = ['a', 'b', 'c'];

function connect(client: string): ConnectRequest {
  return { client, clean: false, sessionExpirySeconds: 3_600, receiveMaximum: 100 };
}

function publish(packetId: number) {
  return { topic: 'x', payload: new Uint8Array([1]), qos: 1, retain: false, packetId } as const;
}

/** A cluster with a publisher and a subscriber that acknowledges each message. Both have persistent sessions. */
class Site {
  readonly cluster = new TestCluster(ids);
  readonly #publisher: MemberId;
  readonly #subscriber: MemberId;
  #lastPacketId = 0;

  constructor(publisherAt: (leader: MemberId) => MemberId, subscriberAt: (leader: MemberId) => MemberId) {
    this.cluster.serve();
    // The cluster finalises the semantics version.
    this.cluster.run(2_000);
    this.#publisher = publisherAt(this.cluster.leader());
    this.#subscriber = subscriberAt(this.cluster.leader());
    this.cluster.member(this.#publisher).input(1, { kind: 'connect', request: connect('p') });
    this.cluster.member(this.#subscriber).input(2, { kind: 'connect', request: connect('s') });
    this.cluster.run(100);
    const subscriptions = [{ filter: 'x', qos: 1 }] as const;
    this.cluster.member(this.#subscriber).input(2, { kind: 'subscribe', packetId: 1, subscriptions });
    this.run(300);
  }

  publish(): void {
    this.cluster
      .member(this.#publisher)
      .input(1, { kind: 'publish', request: publish(++this.#lastPacketId) });
  }

  /** Advances the time. The subscriber acknowledges what it receives. @returns what the publisher received */
  run(milliseconds: number): ClientEffect[] {
    const received: ClientEffect[] = [];
    for (let passed = 0; passed < milliseconds; passed += 10) {
      this.cluster.run(10);
      received.push(...this.cluster.takeEffects(this.#publisher, 1));
      for (const effect of this.cluster.takeEffects(this.#subscriber, 2)) {
        if (effect.kind !== 'deliver' || effect.packetId === undefined) continue;
        const { packetId } = effect;
        this.cluster.member(this.#subscriber).input(2, { kind: 'puback', packetId });
      }
    }
    return received;
  }

  get entries(): number {
    return this.cluster.member(this.cluster.leader()).status().commitIndex;
  }
}

const other = (leader: MemberId): MemberId => ids.find((id) => id !== leader)!;
const third = (leader: MemberId): MemberId => ids.findLast((id) => id !== leader)!;

test('the acknowledgements of subscribers share the entries of messages that their home proposes', () => {
  const site = new Site(other, other);
  const before = site.entries;
  for (let count = 0; count < 30; count++) {
    site.publish();
    site.run(70);
  }
  // The first acknowledgements have entries of their own.
  expect(site.entries - before).toBeLessThanOrEqual(33);
  site.run(300);
  expect(site.cluster.member('a').status().queuedMessages).toBe(0);
});

test('acknowledgements wait for no message: without one they have an entry after at most one interval', () => {
  const site = new Site(other, third);
  site.publish();
  site.run(300);
  expect(site.cluster.member('a').status().queuedMessages).toBe(0);
});

describe('the commit of an entry', () => {
  /** Records when each member applies, relative to the leader. */
  const applied = (site: Site, id: MemberId): number => site.cluster.member(id).status().appliedIndex;

  test('reaches the homes of clients at once, and a member without clients within a heartbeat interval', () => {
    const site = new Site(other, other);
    const home = other(site.cluster.leader());
    const quiet = third(site.cluster.leader());
    // Hello messages report the clients, and proposals of the start are forgotten.
    site.run(20_000);
    site.publish();
    site.run(10);
    const index = site.entries;
    expect(applied(site, home)).toBe(index);
    expect(applied(site, quiet)).toBeLessThan(index);
    site.run(150);
    expect(applied(site, quiet)).toBeGreaterThanOrEqual(index);
  });

  test('reaches a member at once when its first client connects', () => {
    const site = new Site(other, other);
    const quiet = third(site.cluster.leader());
    site.run(20_000);
    site.cluster.member(quiet).input(9, { kind: 'connect', request: connect('new') });
    site.cluster.run(10);
    expect(site.cluster.takeEffects(quiet, 9)).toContainEqual(expect.objectContaining({ kind: 'connack' }));
  });
});
