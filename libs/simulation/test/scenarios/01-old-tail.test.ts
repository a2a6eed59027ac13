import { Scenario } from '../../src/index.ts';

/** This test fails if a follower accepts appends without comparing the previous term (Raft paper, 5.3). */
test('the cluster delivers a QoS 2 message once when only a dead leader had stored its first copy (P2)', () => {
  const scenario = new Scenario();
  const a = scenario.leader();
  const [b, c] = scenario.followers() as [string, string];
  const subscriber = scenario.client('s', c, { subscriptions: [{ filter: 'x', qos: 2 }] });
  const publisher = scenario.client('p', a);
  scenario.world.partition([a], scenario.others(a));
  const publication = publisher.publish('x', 2);
  const before = scenario.status(a).lastIndex;
  scenario.waitFor('a has stored the entry', 500, () =>
    scenario.world.host(a).disk.holds(before + 1, scenario.status(a).term),
  );
  expect(publication.ackedAtMs).toBeNull();

  scenario.world.powerOff(a);
  publisher.move(b, 'vanish');
  scenario.waitForAck(publication);
  scenario.waitForArrival(subscriber, publication);
  scenario.world.heal();
  scenario.world.start(a);
  scenario.waitForServing(a);

  expect(scenario.finish()).toEqual([]);
  expect(scenario.deliveryCount(subscriber, publication)).toBe(1);
  const overwritten = scenario.world.host(a).disk.entryOrPending(before + 1);
  expect(overwritten?.term).not.toBe(1);
});
