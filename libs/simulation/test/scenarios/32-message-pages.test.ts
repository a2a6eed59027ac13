import { Scenario } from '../../src/index.ts';
import type { Publication, SimulatedClient } from '../../src/index.ts';

/** A cluster in which one client is away, and its queue is on the pages of all members. */
class AbsentClient {
  readonly scenario: Scenario;
  readonly home: string;
  readonly subscriber: SimulatedClient;
  readonly publisher: SimulatedClient;
  readonly queued: Publication[] = [];

  constructor() {
    this.scenario = new Scenario({ members: 3, pageFiles: true });
    const [home, other] = this.scenario.followers() as [string, string];
    this.home = home;
    this.subscriber = this.scenario.client('s', home, { subscriptions: [{ filter: 'x', qos: 2 }] });
    this.publisher = this.scenario.client('p', other, { windowMax: 20 });
    this.subscriber.leave('disconnect');
    this.queue(20);
  }

  get host() {
    return this.scenario.world.host(this.home);
  }

  get pages() {
    const { pages } = this.host;
    if (pages === null) throw new Error('the pages are not in files');
    return pages;
  }

  queue(count: number): void {
    for (let number = 0; number < count; number += 1)
      this.queued.push(this.publisher.publish('x', number % 2 === 0 ? 1 : 2));
    this.scenario.waitForAck(...this.queued);
    this.scenario.run(100);
  }

  count(name: string): number {
    return this.scenario.world.history.counters.get(name) ?? 0;
  }

  /** Publishes messages that no client receives, until the condition holds. */
  publishUntil(isDone: () => boolean): void {
    for (let round = 0; round < 200 && !isDone(); round += 1) {
      for (let number = 0; number < 10; number += 1) this.publisher.publish('nobody', 1);
      this.scenario.run(50);
    }
    expect(isDone()).toBe(true);
  }

  /** Waits until a page has ended the process of the home. */
  waitForEnd(): void {
    this.scenario.waitFor('a page ends the process', 2_000, () => !this.host.isUp);
    expect(this.count('processes ended by a page')).toBe(1);
  }

  /** Waits until every message has arrived, the ones of QoS 2 once. @returns the violations */
  receiveAll(): string[] {
    const { scenario, subscriber, queued } = this;
    scenario.waitForArrival(subscriber, ...queued);
    const violations = scenario.finish();
    for (const publication of queued.filter(({ qos }) => qos === 2))
      expect(scenario.deliveryCount(subscriber, publication)).toBe(1);
    return violations;
  }
}

/**
 * The tests of torn and flipped pages fail if a page is not compared with the hash of its message, the test of lost pages if a
 * missing message counts as sent.
 */
test.each(['torn', 'lost', 'flipped'] as const)(
  'a member with pages that are %s ends, and its client receives every queued message (P1, P2)',
  (kind) => {
    const cluster = new AbsentClient();
    expect(cluster.pages.damage(kind)).toBeGreaterThan(0);
    cluster.subscriber.connect();
    cluster.waitForEnd();
    expect(cluster.receiveAll()).toEqual([]);
  },
);

test('a member whose pages cannot be read ends, and its client receives every queued message (P1, P2)', () => {
  const cluster = new AbsentClient();
  cluster.pages.failsReads = true;
  cluster.subscriber.connect();
  cluster.waitForEnd();
  cluster.pages.repair();
  expect(cluster.receiveAll()).toEqual([]);
});

/** This test fails if the monitor excuses a page that lacks bytes although its disk had no fault. */
test('a page that lacks what was written, on a disk without a fault, is a violation', () => {
  const cluster = new AbsentClient();
  cluster.pages.read = () => 0;
  cluster.subscriber.connect();
  cluster.waitForEnd();
  expect(cluster.scenario.violations).toEqual([
    expect.stringContaining('the disk of its pages had no fault'),
  ]);
});

/** This test fails if a snapshot is stored without the messages whose pages cannot be read. */
test('a member that cannot read a page for its snapshot ends, and keeps the snapshot and the log before (P1)', () => {
  const cluster = new AbsentClient();
  expect(cluster.pages.damage('lost')).toBeGreaterThan(0);
  const before = cluster.host.disk.snapshot;
  const { host } = cluster;
  cluster.publishUntil(() => !host.isUp);
  cluster.waitForEnd();
  expect(host.disk.snapshot).toBe(before);
  cluster.subscriber.connect();
  expect(cluster.receiveAll()).toEqual([]);
});

test('a snapshot that waits for the disk has the messages that leave their queues meanwhile (P1)', () => {
  const cluster = new AbsentClient();
  const { scenario, subscriber, host, home } = cluster;
  // More than one page file.
  cluster.queue(150);
  const before = host.disk.snapshot;
  const firstEvent = scenario.world.events.length;
  host.disk.syncMs = [2_000, 2_001];
  cluster.publishUntil(() =>
    scenario.world.events
      .slice(firstEvent)
      .some(({ member, event }) => member === home && event.kind === 'snapshot' && event.action === 'taken'),
  );
  subscriber.connect(scenario.leader());
  scenario.waitForArrival(subscriber, ...cluster.queued);
  scenario.waitFor('no message is queued', 5_000, () => scenario.status(home).queuedMessages === 0);
  expect(host.disk.snapshot).toBe(before);
  scenario.waitFor('the snapshot is stored', 10_000, () => host.disk.snapshot !== before);
  scenario.world.kill(home);
  scenario.world.start(home);
  expect(cluster.receiveAll()).toEqual([]);
  expect(cluster.count('processes ended by a page')).toBe(0);
});

test('a member that cannot read a page for an entry ends, and its state does not differ from the others (P5)', () => {
  const cluster = new AbsentClient();
  const { scenario, publisher } = cluster;
  const retained = Array.from({ length: 8 }, (_, number) =>
    publisher.publish(`r/${number}`, 1, { retain: true }),
  );
  scenario.waitForAck(...retained);
  // Only newer semantics replace retained messages that are still queued.
  scenario.run(2_000);
  const leader = scenario.leader();
  const probe = scenario.probe('r', leader, { receiveMaximum: 1 });
  probe.acknowledges = false;
  scenario.waitForAnswer(probe, 'suback', probe.subscribe('r/#', 1));
  scenario.run(100);
  probe.close(true);
  // These messages move the retained ones out of the buffers of the process.
  cluster.queue(10);
  scenario.connectProbe(probe, leader, { receiveMaximum: 1 });
  cluster.pages.failsReads = true;
  probe.subscribe('r/#', 1);
  cluster.waitForEnd();
  cluster.pages.repair();
  cluster.subscriber.connect();
  expect(cluster.receiveAll()).toEqual([]);
});

/** This test fails if a message leaves memory although the write of its page has failed. */
test('messages stay in memory while their pages cannot be written (P1)', () => {
  const cluster = new AbsentClient();
  for (const { pages } of cluster.scenario.world.hosts) if (pages !== null) pages.failsWrites = true;
  cluster.queue(60);
  expect(cluster.count('failed page writes')).toBeGreaterThan(0);
  cluster.subscriber.connect();
  expect(cluster.receiveAll()).toEqual([]);
  expect(cluster.count('processes ended by a page')).toBe(0);
});

test('after a power cut of all members each one empties its pages and fills them again, and no queued message is lost (P1)', () => {
  const cluster = new AbsentClient();
  const { scenario } = cluster;
  const before = cluster.count('page writes');
  for (const id of scenario.memberIds) scenario.world.powerOff(id);
  scenario.run(100);
  scenario.world.start();
  scenario.waitForServing(...scenario.memberIds);
  scenario.waitFor('messages are on pages again', 1_000, () => cluster.count('page writes') > before);
  cluster.subscriber.connect();
  expect(cluster.receiveAll()).toEqual([]);
  expect(cluster.count('processes ended by a page')).toBe(0);
});
