import { Scenario } from '../../src/index.ts';

/** This test fails if a home numbers QoS 2 messages itself instead of using replicated packet ids. */
test('the cluster keeps the packet id of a QoS 2 message in flight when the home of its subscriber dies (P3)', () => {
  const scenario = new Scenario();
  const [b, c, d] = scenario.followers() as [string, string, string];
  const subscriber = scenario.client('c', b, { subscriptions: [{ filter: 'x', qos: 2 }] });
  const publisher = scenario.client('p', d);
  const before = publisher.publish('x', 1);
  scenario.waitForArrival(subscriber, before);
  scenario.run(300);
  subscriber.incoming.acknowledges = false;
  const first = publisher.publish('x', 2);
  scenario.waitForArrival(subscriber, first);
  scenario.world.kill(b);
  const second = publisher.publish('x', 2);
  subscriber.move(c, 'close');
  scenario.waitForClient(subscriber);
  subscriber.incoming.resumeAcknowledging();
  scenario.waitForArrival(subscriber, second);
  expect(scenario.finish()).toEqual([]);
  const ids = scenario.arrivals(subscriber).map(({ publication, packetId }) => ({ publication, packetId }));
  expect(ids.map(({ publication }) => publication)).toEqual([before.id, first.id, second.id]);
  expect(ids[1]?.packetId).not.toBe(ids[2]?.packetId);
});

/** This test fails if a retransmitted QoS 2 PUBLISH is applied again [MQTT-4.3.3-10]. */
test('the cluster delivers a QoS 2 message once when its publisher sends it again through another member (P2)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const [b, c, d] = scenario.followers() as [string, string, string];
  const subscriber = scenario.client('s', d, { subscriptions: [{ filter: 'x', qos: 2 }] });
  const publisher = scenario.client('p', b);
  for (const id of scenario.others(b)) scenario.world.cutLink(id, b, 'one');
  const publication = publisher.publish('x', 2);
  scenario.waitForArrival(subscriber, publication);
  expect(publication.ackedAtMs).toBeNull();
  publisher.move(c, 'vanish');
  scenario.waitForAck(publication);
  const next = publisher.publish('x', 2);
  scenario.waitForArrival(subscriber, next);
  expect(scenario.status(leader).role).toBe('leader');
  expect(scenario.finish()).toEqual([]);
  expect(scenario.deliveryCount(subscriber, publication)).toBe(1);
});
