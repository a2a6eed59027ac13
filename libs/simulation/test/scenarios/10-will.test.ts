import { Scenario } from '../../src/index.ts';
import type { ClientOptions, SimulatedClient } from '../../src/index.ts';

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

/** A client with a will at one member, and a second device with the same client id for another member. */
function beginTakeover(
  first: Partial<ClientOptions> = {},
  second: Partial<ClientOptions> = {},
): ReturnType<typeof begin> & { elsewhere: string; device: SimulatedClient; takeOver: () => void } {
  const scenario = new Scenario();
  const [home, elsewhere, c] = scenario.followers() as [string, string, string];
  const watcher = scenario.client('watcher', c, { subscriptions: [{ filter: 'w', qos: 2 }] });
  scenario.run(1_000);
  const shared = { sharesClientId: true, reconnects: false };
  const dying = scenario.client('m', home, { will, ...shared, ...first });
  const device = scenario.unconnectedClient('m', elsewhere, { ...shared, ...second });
  const takeOver = (): void => {
    device.connect();
    scenario.waitForClient(device);
  };
  return { scenario, home, elsewhere, watcher, dying, device, takeOver };
}

const delayed = { will: { ...will, delaySeconds: 3 } };
const ends = { expirySeconds: 0 };

/** Takes over the connection, and returns whether each message on the will's topic is the will. */
function willsAtTakeover(first: Partial<ClientOptions>, second: Partial<ClientOptions>): boolean[] {
  const { scenario, watcher, dying, device, takeOver } = beginTakeover(first, second);
  takeOver();
  const published = device.publish('w', 2);
  scenario.waitForArrival(watcher, published);
  expect(dying.connected).toBe(false);
  scenario.run(8_000);
  expect(scenario.finish()).toEqual([]);
  return scenario.arrivals(watcher).map(({ publication }) => publication !== published.id);
}

/** This test fails if an `open` deletes the will of the connection that it takes over. */
test.each<[string, Partial<ClientOptions>, Partial<ClientOptions>]>([
  ['without a delay', {}, {}],
  ['with a delay, if Clean Start ends the session,', delayed, { clean: true }],
  ['with a delay, if the session ends with its connection,', { ...delayed, ...ends }, {}],
])(
  'a takeover publishes a will %s once, before the messages of the new connection [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8] (P6)',
  (_, first, second) => {
    expect(willsAtTakeover(first, second)).toEqual([true, false]);
  },
);

/** This test fails if a takeover publishes every will. */
test('a takeover does not publish a will with a delay if the session goes on [5.0 MQTT-3.1.3-9] (P6)', () => {
  expect(willsAtTakeover(delayed, {})).toEqual([false]);
});

/** This test fails if the new home decides about the will without the report of the former home. */
test('a takeover publishes no will if the former home received DISCONNECT, although its log entry comes later [5.0 MQTT-3.14.4-3] (P6)', () => {
  const { scenario, home, watcher, dying, takeOver } = beginTakeover();
  // The proposals of the former home go through a slow relay.
  scenario.world.cutLink(home, scenario.leader(), 'both');
  dying.leave('disconnect');
  takeOver();
  scenario.run(1_000);
  scenario.world.heal();
  scenario.run(5_000);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(watcher).length).toBe(0);
});

/** This test fails if both homes report and the second report counts. */
test('a takeover publishes the will once or not at all while the two homes cannot reach each other (P6)', () => {
  const { scenario, home, elsewhere, watcher, takeOver } = beginTakeover();
  scenario.world.cutLink(home, elsewhere, 'both');
  scenario.run(100);
  takeOver();
  scenario.run(3_000);
  scenario.world.heal();
  scenario.run(5_000);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(watcher).length).toBeLessThanOrEqual(1);
});

/** This test fails if a draining home reports a moved connection as open. */
test('a rolling drain of all members publishes no will of a client that connects again (P6, P10)', () => {
  const scenario = new Scenario();
  const watcher = scenario.client('watcher', null, { subscriptions: [{ filter: 'w', qos: 2 }] });
  const moving = scenario.client('m', null, { will });
  scenario.run(1_000);
  for (const id of scenario.memberIds) {
    scenario.world.host(id).post((member) => member.drain(200));
    scenario.waitFor(`${id} is drained`, 10_000, () => scenario.status(id).drained);
    scenario.world.kill(id);
    scenario.world.start(id);
    scenario.waitForServing(id);
    scenario.waitForClient(moving);
  }
  scenario.run(6_000);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(watcher).length).toBe(0);
});
