import { Scenario } from '../../src/index.ts';

const active = { sharesClientId: true, reconnects: false };

/** This test fails if a home does not close a connection that was taken over. */
test('the cluster closes the older connection when a second publisher takes over the client id (P4)', () => {
  const scenario = new Scenario();
  const [a, b, c] = scenario.followers() as [string, string, string];
  const subscriber = scenario.client('s', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const first = scenario.client('group', a, active);
  const sent = [first.publish('x', 1)];
  scenario.waitForAck(...sent);
  const second = scenario.client('group', b, active);
  sent.push(second.publish('x', 1));
  scenario.waitForAck(...sent);
  scenario.waitFor('the first connection is closed', 1_000, () => !first.connected);
  expect(second.connected).toBe(true);
  expect(scenario.finish()).toEqual([]);
  expect(sent.map((publication) => scenario.deliveryCount(subscriber, publication))).toEqual([1, 1]);
});

/** This test fails if a home does not close a connection that was taken over. */
test('the cluster keeps one of two publishers with the same client id after a heal, and loses no message (P1, P4)', () => {
  const scenario = new Scenario();
  const [a, b, c] = scenario.followers() as [string, string, string];
  const subscriber = scenario.client('s', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const first = scenario.client('group', a, active);
  scenario.world.partition(scenario.others(a), [a]);
  const second = scenario.client('group', b, active);
  scenario.waitFor('a is isolated', 4_000, () => scenario.status(a).state === 'isolated');
  const sent = [first.publish('x', 1), second.publish('x', 1), first.publish('x', 1), second.publish('x', 1)];
  scenario.waitForAck(...sent);
  scenario.world.heal();
  scenario.waitForServing(a);
  scenario.waitFor(
    'one connection is left',
    1_000,
    () => scenario.world.liveConnections().get('group')?.length === 1,
  );
  expect(second.connected).toBe(true);
  expect(scenario.finish()).toEqual([]);
  for (const publication of sent) expect(scenario.deliveryCount(subscriber, publication)).toBeGreaterThan(0);
});
