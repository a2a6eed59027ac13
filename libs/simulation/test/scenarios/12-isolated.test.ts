import { Scenario } from '../../src/index.ts';
import type { SimulatedClient } from '../../src/index.ts';

/** This test fails if a member does not propose its outbox after the heal. */
test.each([
  ['the group of one', 0],
  ['the group of three', 1],
])(
  'the cluster delivers the messages that two isolated groups acknowledged when %s returns first (P1, P7)',
  (_name, order) => {
    const scenario = new Scenario();
    const leader = scenario.leader();
    const [a, b, c, d, e] = scenario.followers() as [string, string, string, string, string];
    const isolatedGroups = [[a], [b, c, d]] as const;
    const largestGroup = scenario.others(a, b, c, d);
    const everywhere = [a, b, leader].map((home) =>
      scenario.client(`s-${home}`, home, { subscriptions: [{ filter: '#', qos: 1 }], receiveMaximum: 50 }),
    );
    const local = scenario.client('local', a, {
      clean: true,
      expirySeconds: 0,
      subscriptions: [{ filter: 'x', qos: 1 }],
    });
    const publishers = [a, b, e].map((home) => scenario.client(`p-${home}`, home));
    scenario.world.partition(largestGroup, ...isolatedGroups);
    scenario.run(3_500);
    // The sides have three, three and one member, so no side has a majority of four.
    expect(scenario.memberIds.filter((id) => scenario.status(id).state !== 'isolated')).toEqual([]);

    const sent = publishers.flatMap((publisher) =>
      Array.from({ length: 20 }, () => publisher.publish('x', 1)),
    );
    scenario.waitForAck(...sent);
    expect(sent.filter(({ ackedDegraded }) => ackedDegraded).length).toBe(60);
    const here = sent.filter(({ client }) => client === `p-${a}`);
    scenario.waitForArrival(local, ...here);
    const home = local.session;

    const [first, second] = order === 0 ? isolatedGroups : [isolatedGroups[1], isolatedGroups[0]];
    scenario.world.partition([...largestGroup, ...first], second);
    scenario.run(2_500);
    scenario.world.heal();
    expect(scenario.finish()).toEqual([]);
    for (const subscriber of everywhere) {
      for (const publication of sent)
        expect(scenario.deliveryCount(subscriber, publication)).toBeGreaterThan(0);
    }
    // A persistent session that stayed connected to its home receives no message again after its early
    // delivery.
    if (order === 0) {
      for (const publication of here)
        expect(scenario.deliveryCount(everywhere[0] as SimulatedClient, publication)).toBe(1);
    }
    // A clean session that stayed connected receives each message once.
    expect(local.session).toBe(home);
    for (const publication of here) expect(scenario.deliveryCount(local, publication)).toBe(1);
  },
);

/** This test fails if a start does not recover the outbox of an earlier incarnation. */
test('the cluster delivers messages with degraded acknowledgements in order after two restarts of the isolated member (P1)', () => {
  const scenario = new Scenario();
  const [a, b] = scenario.followers() as [string, string];
  const subscriber = scenario.client('s', b, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = scenario.client('p', a, { reconnects: false });
  scenario.world.partition(scenario.others(a), [a]);
  scenario.waitFor('a is isolated', 4_000, () => scenario.status(a).state === 'isolated');
  const publications = Array.from({ length: 5 }, () => publisher.publish('x', 1));
  scenario.waitForAck(...publications);
  scenario.world.powerOff(a);
  scenario.run(200);
  scenario.world.start(a);
  scenario.run(300);
  scenario.world.kill(a);
  scenario.world.start(a);
  scenario.run(300);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(subscriber).map(({ publication }) => publication)).toEqual(
    publications.map(({ id }) => id),
  );
});

/** This test fails if a member sends PUBREC without a majority. */
test('the cluster delivers a QoS 2 message once to a subscriber that moves to an isolated member and back (P2)', () => {
  const scenario = new Scenario();
  const [a, b] = scenario.followers() as [string, string];
  const subscriber = scenario.client('s', b, { subscriptions: [{ filter: 'x', qos: 2 }] });
  const publisher = scenario.client('p', b);
  const isolatedPublisher = scenario.client('q', a);
  scenario.world.partition(scenario.others(a), [a]);
  const early = publisher.publish('x', 2);
  scenario.waitForArrival(subscriber, early);
  subscriber.move(a, 'vanish');
  const waiting = isolatedPublisher.publish('x', 2);
  scenario.run(4_000);
  expect(waiting.ackedAtMs).toBeNull();
  subscriber.move(b, 'vanish');
  scenario.world.heal();
  scenario.waitForAck(waiting);
  expect(scenario.finish()).toEqual([]);
  expect([early, waiting].map((publication) => scenario.deliveryCount(subscriber, publication))).toEqual([
    1, 1,
  ]);
});

/** This test fails if a message is delivered early although an earlier one is still queued. */
test('the cluster keeps the order of a session with queued messages when its isolated home accepts more messages (P2)', () => {
  const scenario = new Scenario();
  const [a, b] = scenario.followers() as [string, string];
  const subscriber = scenario.client('s', a, {
    subscriptions: [{ filter: 'x', qos: 1 }],
    receiveMaximum: 1,
  });
  const before = scenario.client('q', b);
  const publisher = scenario.client('p', a);
  subscriber.incoming.acknowledges = false;
  scenario.waitForAck(before.publish('x', 1), before.publish('x', 1));
  scenario.world.partition(scenario.others(a), [a]);
  scenario.waitFor('a is isolated', 4_000, () => scenario.status(a).state === 'isolated');
  const first = publisher.publish('x', 1);
  scenario.waitForAck(first);
  subscriber.incoming.resumeAcknowledging();
  scenario.run(300);
  const second = publisher.publish('x', 1);
  scenario.waitForAck(second);
  scenario.run(300);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.deliveryCount(subscriber, first)).toBeGreaterThan(0);
  expect(scenario.deliveryCount(subscriber, second)).toBeGreaterThan(0);
});
