import { Scenario } from '../../src/index.ts';

const subscriptions = [{ filter: '$share/workers/x', qos: 2 as const }];

/**
 * This test fails if unacknowledged messages of a lost client are not given to another client of the group.
 */
test('the cluster redelivers unacknowledged messages of a shared subscription to another client when one dies (P2)', () => {
  const scenario = new Scenario();
  const [a, b, c] = scenario.followers() as [string, string, string];
  const first = scenario.client('worker-1', a, { subscriptions, reconnects: false });
  const second = scenario.client('worker-2', b, { subscriptions });
  const publisher = scenario.client('p', c);
  first.incoming.acknowledges = false;
  const sent = Array.from({ length: 6 }, () => publisher.publish('x', 1));
  scenario.waitForAck(...sent);
  scenario.run(300);
  const stuck = sent.filter((publication) => scenario.deliveryCount(second, publication) === 0);
  expect(stuck.length).toBeGreaterThan(0);
  first.leave('vanish');
  scenario.waitForArrival(second, ...stuck);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a retransmitted QoS 2 PUBLISH is applied again [MQTT-4.3.3-10]. */
test('the cluster delivers a retransmitted QoS 2 message to one client of a shared subscription (P2)', () => {
  const scenario = new Scenario();
  const [a, b, c, d] = scenario.followers() as [string, string, string, string];
  const workers = [a, b].map((home, number) => scenario.client(`worker-${number}`, home, { subscriptions }));
  const publisher = scenario.client('p', c);
  for (const id of scenario.others(c)) scenario.world.cutLink(id, c, 'one');
  const publication = publisher.publish('x', 2);
  const times = (): number =>
    workers.reduce((sum, worker) => sum + scenario.deliveryCount(worker, publication), 0);
  scenario.waitFor('the message arrives', 3_000, () => times() > 0);
  publisher.move(d, 'vanish');
  scenario.waitForAck(publication);
  expect(scenario.finish()).toEqual([]);
  expect(times()).toBe(1);
});
