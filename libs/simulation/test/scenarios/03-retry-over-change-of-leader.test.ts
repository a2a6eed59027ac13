import { Scenario } from '../../src/index.ts';

/** This test fails if leader and state do not check the sequence numbers of batches. */
test('the cluster applies a batch once when its home proposes it again after the death of the leader (P2)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const [home, c] = scenario.followers() as [string, string];
  const subscriber = scenario.client('s', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = scenario.client('p', home);
  // The proposals of the home arrive, but the home receives no messages of its peers.
  for (const id of scenario.others(home)) scenario.world.cutLink(id, home, 'one');
  const first = publisher.publish('x', 1);
  scenario.waitForArrival(subscriber, first);
  expect(first.ackedAtMs).toBeNull();
  scenario.world.kill(leader);
  scenario.world.heal();
  const later = [publisher.publish('x', 1), publisher.publish('x', 1)];
  scenario.waitForAck(first, ...later);
  expect(scenario.finish()).toEqual([]);
  const order = scenario.arrivals(subscriber).map(({ publication }) => publication);
  expect(order).toEqual([first, ...later].map(({ id }) => id));
});

/** This test fails if leader and state do not check the sequence numbers of batches. */
test('a home proposes a batch again that was lost with the leader, before later batches (P2)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const [home, c] = scenario.followers() as [string, string];
  const subscriber = scenario.client('s', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = scenario.client('p', home, { windowMax: 20 });
  // The first batch reaches only an isolated leader and is lost with it.
  scenario.world.partition([leader, home], scenario.others(leader, home));
  const lost = publisher.publish('x', 1);
  scenario.run(60);
  expect(lost.ackedAtMs).toBeNull();
  scenario.world.powerOff(leader);
  const following = [publisher.publish('x', 1), publisher.publish('x', 1)];
  scenario.world.heal();
  scenario.waitForAck(lost, ...following);
  expect(scenario.finish()).toEqual([]);
  const order = scenario.arrivals(subscriber).map(({ publication }) => publication);
  expect(order).toEqual([lost, ...following].map(({ id }) => id));
});

/** This test fails if leader and state apply a batch whose sequence number is not the next one. */
test('the cluster applies a batch only after the retry of an earlier batch that was lost on the network (P2)', () => {
  const scenario = new Scenario();
  const [home, c] = scenario.followers() as [string, string];
  const subscriber = scenario.client('s', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = scenario.client('p', home, { windowMax: 20 });
  let lost = 0;
  scenario.world.network.filter = (from, { message }) => {
    if (lost > 0 || from !== home || message.type !== 'propose') return true;
    lost += 1;
    return false;
  };
  const first = publisher.publish('x', 1);
  scenario.run(30);
  const second = publisher.publish('x', 1);
  expect(lost).toBe(1);
  scenario.waitForAck(first, second);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(subscriber).map(({ publication }) => publication)).toEqual([first.id, second.id]);
});
