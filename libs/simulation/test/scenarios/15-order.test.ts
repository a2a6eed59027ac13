import { Scenario } from '../../src/index.ts';
import type { Publication } from '../../src/index.ts';

/** This test fails if new messages of a persistent session overtake its queue. */
test('the cluster delivers the offline queue before new messages when a subscriber reconnects under load (P2)', () => {
  const scenario = new Scenario();
  const [a, b, c] = scenario.followers() as [string, string, string];
  const subscriptions = [{ filter: 'x', qos: 2 as const }];
  const subscriber = scenario.client('s', a, { subscriptions, receiveMaximum: 3 });
  const publisher = scenario.client('p', b, { windowMax: 10 });
  const sent: Publication[] = [];
  const publishFor = (durationMs: number): void => {
    for (let elapsedMs = 0; elapsedMs < durationMs; elapsedMs += 5) {
      if (publisher.outgoing.unfinished < 20) sent.push(publisher.publish('x', elapsedMs % 10 === 0 ? 1 : 2));
      scenario.run(5);
    }
  };
  for (const home of [c, a, c]) {
    subscriber.leave('vanish');
    publishFor(300);
    subscriber.connect(home);
    publishFor(300);
  }
  scenario.waitFor('all messages are acknowledged', 10_000, () => publisher.isIdle);
  expect(scenario.finish()).toEqual([]);
  for (const qos of [1, 2]) {
    const expected = sent.filter((publication) => publication.qos === qos).map(({ id }) => id);
    const first = new Set(
      scenario
        .arrivals(subscriber)
        .filter((arrival) => arrival.qos === qos)
        .map(({ publication }) => publication),
    );
    expect([...first]).toEqual(expected);
  }
});

/** This test fails if the end of a session does not delete its queue. */
test('the cluster delivers no message from before the end of a session to the next session of its client (P2)', () => {
  const scenario = new Scenario();
  const [a, b, c] = scenario.followers() as [string, string, string];
  const options = {
    expirySeconds: 1,
    sharesClientId: true,
    subscriptions: [{ filter: 'x', qos: 1 as const }],
  };
  const subscriber = scenario.client('s', a, options);
  const publisher = scenario.client('p', b);
  subscriber.leave('disconnect');
  scenario.run(300);
  const before = publisher.publish('x', 1);
  scenario.run(1_500);
  const between = publisher.publish('x', 1);
  scenario.waitForAck(before, between);
  subscriber.connect(c);
  scenario.waitForClient(subscriber);
  const after = publisher.publish('x', 1);
  scenario.waitForArrival(subscriber, after);
  expect([before, between, after].map((one) => scenario.deliveryCount(subscriber, one))).toEqual([0, 0, 1]);
  expect(scenario.finish()).toEqual([]);
});

/**
 * This test fails if a home delivers a live message before it has applied what the sender had applied, and if
 * the publisher's home forwards the second message before the first is applied.
 */
test('the cluster keeps the order of QoS 0 messages with and without RETAIN on one topic [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]', () => {
  const scenario = new Scenario();
  const [a, b] = scenario.followers() as [string, string];
  // The log reaches the subscriber's home later than the publisher's live messages do.
  for (const id of scenario.others(a, b)) scenario.world.network.path(id, a).delayMs = 40;
  const subscribers = [a, b].map((home) =>
    scenario.client(`s-${home}`, home, { subscriptions: [{ filter: 'x', qos: 0 }] }),
  );
  const publisher = scenario.client('p', b);
  const sent: number[] = [];
  for (let number = 0; number < 60; number++) {
    sent.push(publisher.publish('x', 0, { retain: number % 3 === 0 }).id);
    if (number % 10 === 9) scenario.run(20);
  }
  scenario.run(500);
  for (const subscriber of subscribers)
    expect(scenario.arrivals(subscriber).map(({ publication }) => publication)).toEqual(sent);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a home holds live messages although its log does not advance. */
test('a member without a majority delivers QoS 0 messages of reachable members at once', () => {
  const scenario = new Scenario();
  const [a, b] = scenario.followers() as [string, string];
  const subscriber = scenario.client('s', a, { subscriptions: [{ filter: 'x', qos: 0 }] });
  const publisher = scenario.client('p', b);
  scenario.world.partition([a, b], scenario.others(a, b));
  scenario.waitFor('isolated', 10_000, () => scenario.status(a).state === 'isolated');
  const retained = publisher.publish('x', 0, { retain: true });
  const plain = publisher.publish('x', 0);
  scenario.run(20);
  expect(scenario.deliveryCount(subscriber, plain)).toBe(1);
  expect(scenario.deliveryCount(subscriber, retained)).toBe(0);
  expect(scenario.finish()).toEqual([]);
});
