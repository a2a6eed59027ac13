import { Scenario } from '../../src/index.ts';

/** This test fails if heartbeats use the channel `log`. */
test('the cluster keeps the leader while bulk messages are delayed by 2.5 s, as heartbeats have a channel of their own (P9)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const { term } = scenario.status(leader);
  const [a, b] = scenario.followers() as [string, string];
  for (const id of scenario.others(a)) scenario.world.network.path(id, a).bulkDelayMs = 2_500;
  const publisher = scenario.client('p', b, { windowMax: 20 });
  const sinceMs = scenario.world.nowMs;
  for (let round = 0; round < 20; round += 1) {
    for (let count = 0; count < 10; count += 1) publisher.publish('x', 1);
    scenario.run(250);
  }
  expect(scenario.status(leader).role).toBe('leader');
  expect(scenario.memberIds.map((id) => scenario.status(id).term)).toEqual(
    scenario.memberIds.map(() => term),
  );
  const changes = scenario.world.events.filter(
    ({ atMs, event }) => atMs > sinceMs && event.kind === 'leader',
  );
  expect(changes).toEqual([]);
  for (const id of scenario.others(a)) scenario.world.network.path(id, a).bulkDelayMs = 0;
  expect(scenario.finish()).toEqual([]);
});

test('a member catches up over a link that is cut every 600 ms (P7)', () => {
  const scenario = new Scenario();
  const [a, b] = scenario.followers() as [string, string];
  const publisher = scenario.client('p', b, { windowMax: 20 });
  scenario.world.partition(scenario.others(a), [a]);
  for (let count = 0; count < 400; count += 1) publisher.publish(`x/${count}`, 1);
  scenario.waitFor('all messages are acknowledged', 10_000, () => publisher.isIdle);
  const target = scenario.status(scenario.leader()).commitIndex;
  for (let flap = 0; flap < 8 && scenario.status(a).appliedIndex < target; flap += 1) {
    scenario.world.heal();
    scenario.run(600);
    scenario.world.partition(scenario.others(a), [a]);
    scenario.run(1_900);
  }
  expect(scenario.status(a).appliedIndex).toBeGreaterThanOrEqual(target);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if no third member relays messages. */
test('the cluster starts no endless elections while leader and one follower cannot reach each other (P7)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const [a] = scenario.followers() as [string];
  scenario.world.cutLink(leader, a);
  scenario.run(3_000);
  const { term } = scenario.status(scenario.leader());
  scenario.run(8_000);
  expect(scenario.status(scenario.leader()).term).toBe(term);
  expect(scenario.isServing(...scenario.memberIds)).toBe(true);
  const subscriber = scenario.client('s', a, { subscriptions: [{ filter: 'x', qos: 2 }] });
  scenario.waitForArrival(subscriber, scenario.client('p', leader).publish('x', 2));
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if election timeouts are as short as the heartbeat interval. */
test('the cluster keeps the leader and delivers messages over a link that is slow in one direction (P7)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const [a, b] = scenario.followers() as [string, string];
  scenario.world.network.path(leader, a).delayMs = 300;
  const subscriber = scenario.client('s', a, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = scenario.client('p', b);
  const sent = Array.from({ length: 30 }, () => publisher.publish('x', 1));
  scenario.waitForAck(...sent);
  scenario.waitForArrival(subscriber, ...sent);
  scenario.run(3_000);
  expect(scenario.status(leader).role).toBe('leader');
  scenario.world.network.path(leader, a).delayMs = 1;
  expect(scenario.finish()).toEqual([]);
});
