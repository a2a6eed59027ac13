import { Scenario } from '../../src/index.ts';

/** This test fails if a leader commits entries that only its own disk has. */
test('a former leader that was paused acknowledges no message before the new leader has committed it (P1)', () => {
  const scenario = new Scenario({ whenIsolated: 'hold' });
  const paused = scenario.leader();
  const [b] = scenario.followers() as [string];
  const subscriber = scenario.client('s', b, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = scenario.client('p', paused);
  // The clients do not detect the pause and continue to send.
  scenario.world.host(paused).pause();
  const publications = [publisher.publish('x', 1), publisher.publish('x', 2)];
  scenario.run(3_000);
  const leader = scenario.leader();
  expect(leader).not.toBe(paused);
  scenario.world.partition([paused], scenario.others(paused));
  scenario.world.resume(paused);
  scenario.run(1_500);
  expect(publications.map(({ ackedAtMs }) => ackedAtMs)).toEqual([null, null]);
  scenario.world.heal();
  scenario.waitForAck(...publications);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(subscriber).length).toBeGreaterThan(1);
});
