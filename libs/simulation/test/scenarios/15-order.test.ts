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
