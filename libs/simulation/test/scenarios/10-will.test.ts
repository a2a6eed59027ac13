import { Scenario } from '../../src/index.ts';
import type { SimulatedClient } from '../../src/index.ts';

const will = { topic: 'w', qos: 2 as const, delaySeconds: 0 };

function begin(): { scenario: Scenario; home: string; watcher: SimulatedClient; dying: SimulatedClient } {
  const scenario = new Scenario();
  const [home, c] = scenario.followers() as [string, string];
  const watcher = scenario.client('watcher', c, { subscriptions: [{ filter: 'w', qos: 2 }] });
  const dying = scenario.client('m', home, { will, reconnects: false });
  return { scenario, home, watcher, dying };
}

/** This test fails if the leader never orphans the sessions of a silent home. */
test('the cluster publishes one will within five seconds after the death of the home (P6)', () => {
  const { scenario, home, watcher } = begin();
  scenario.world.powerOff(home);
  scenario.waitFor('the will is published', 5_000, () => scenario.arrivals(watcher).length > 0);
  scenario.world.start(home);
  scenario.run(5_000);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(watcher).length).toBe(1);
});

/** This test fails if opening a session keeps the will of the former connection. */
test('the cluster publishes no will when the client connects to another member before the home counts as dead (P6)', () => {
  const { scenario, home, watcher, dying } = begin();
  const elsewhere = scenario.followers().find((id) => id !== home) as string;
  scenario.world.powerOff(home);
  scenario.run(500);
  dying.move(elsewhere, 'vanish');
  scenario.waitForClient(dying);
  scenario.run(6_000);
  scenario.world.start(home);
  scenario.run(5_000);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(watcher).length).toBe(0);
});

/** This test fails if a new incarnation of a home does not orphan the sessions of the former one. */
test('the cluster publishes one will when the home restarts within a second and its client stays away (P6)', () => {
  const { scenario, home, watcher } = begin();
  scenario.world.kill(home);
  scenario.run(400);
  scenario.world.start(home);
  scenario.waitFor('the will is published', 6_000, () => scenario.arrivals(watcher).length > 0);
  scenario.run(4_000);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(watcher).length).toBe(1);
});

/** This test fails if a home does not close the connections of sessions that the cluster has orphaned. */
test('the cluster publishes one will during a pause of six seconds, then disconnects the client of the resumed home (P6)', () => {
  const { scenario, home, watcher, dying } = begin();
  // The client does not detect the pause.
  scenario.world.host(home).pause();
  scenario.run(6_000);
  expect(scenario.arrivals(watcher).length).toBe(1);
  expect(dying.connected).toBe(true);
  scenario.world.resume(home);
  scenario.waitFor('the client is closed', 2_000, () => !dying.connected);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(watcher).length).toBe(1);
});

/** This test fails if a will is published again after it was published. */
test('the cluster publishes one will although two leaders die while they publish it (P6)', () => {
  const { scenario, home, watcher } = begin();
  scenario.world.powerOff(home);
  for (let change = 0; change < 2; change += 1) {
    scenario.run(change === 0 ? 2_450 : 600);
    const leader = scenario.leader();
    scenario.world.kill(leader);
    scenario.run(300);
    scenario.world.start(leader);
  }
  scenario.world.start(home);
  scenario.run(7_000);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(watcher).length).toBe(1);
});

/** This test fails if a clean session that is adopted after the heal gets its will again. */
test('the cluster publishes one will when an orphaned clean session is adopted after a heal and its client dies later (P6)', () => {
  const scenario = new Scenario();
  const [home, c] = scenario.followers() as [string, string];
  const watcher = scenario.client('watcher', c, { subscriptions: [{ filter: 'w', qos: 2 }] });
  const dying = scenario.client('m', home, { will, clean: true, expirySeconds: 0, reconnects: false });
  scenario.world.partition(scenario.others(home), [home]);
  scenario.waitFor('the will is published', 5_000, () => scenario.arrivals(watcher).length > 0);
  scenario.world.heal();
  scenario.waitForServing(home);
  scenario.run(1_000);
  expect(dying.connected).toBe(true);
  dying.leave('close');
  scenario.run(3_000);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(watcher).length).toBe(1);
});
