import { Scenario } from '../../src/index.ts';

/** This test fails if the home sends SUBACK before the subscription is applied. */
test('the cluster delivers a message that is published at any member after the SUBACK (P2)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const [a, b] = scenario.followers() as [string, string];
  for (const id of scenario.others(a)) {
    scenario.world.network.path(a, id).delayMs = 150;
    scenario.world.network.path(id, a).delayMs = 150;
  }
  const persistent = scenario.client('s', a);
  const clean = scenario.client('t', a, { clean: true, expirySeconds: 0 });
  const publishers = [leader, b].map((home) => scenario.client(`p-${home}`, home));
  for (const subscriber of [persistent, clean]) {
    subscriber.subscribe({ filter: 'x', qos: 1 });
    scenario.waitFor('SUBACK', 2_000, () => subscriber.isIdle);
    for (const publisher of publishers) publisher.publish('x', 1);
    scenario.run(600);
  }
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(persistent).length).toBe(4);
  expect(scenario.arrivals(clean).length).toBe(2);
});

/** This test fails if no third member relays messages. */
test('the cluster relays messages through a third member while the link between leader and home is down (P2)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const [b, c] = scenario.followers() as [string, string];
  scenario.world.cutLink(leader, b);
  scenario.run(2_500);
  const subscriber = scenario.client('s', b, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = scenario.client('p', leader);
  const back = scenario.client('q', b);
  scenario.waitForArrival(subscriber, publisher.publish('x', 1), back.publish('x', 2));
  scenario.waitForArrival(subscriber, scenario.client('r', c).publish('x', 1));
  expect(scenario.status(leader).role).toBe('leader');
  expect(scenario.violations).toEqual([]);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if an entry is committed only after all members have it. */
test('the cluster acknowledges CONNECT and SUBSCRIBE within a second while one disk is full and one member is cut off (P9)', () => {
  const scenario = new Scenario();
  const [a, b, c, d] = scenario.followers() as [string, string, string, string];
  scenario.world.fillDisk(c, true);
  scenario.world.partition(scenario.others(d), [d]);
  scenario.run(500);
  const subscriber = scenario.unconnectedClient('s', a, { subscriptions: [{ filter: 'x', qos: 1 }] });
  subscriber.connect();
  scenario.waitFor('CONNACK and SUBACK', 1_000, () => subscriber.connected && subscriber.isIdle);
  scenario.waitForArrival(subscriber, scenario.client('p', b).publish('x', 1));
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if SUBACK does not wait until the peers have the new interest. */
test.each([
  ['clean', { clean: true, expirySeconds: 0 }],
  ['persistent', {}],
])(
  'the cluster delivers a QoS 0 message that is published at any member after the SUBACK of a %s session (P2)',
  (_kind, session) => {
    const scenario = new Scenario();
    const leader = scenario.leader();
    const [a, b, c] = scenario.followers() as [string, string, string];
    // The interest of a's clients takes longer to b and c than the log takes to commit.
    for (const id of [b, c]) scenario.world.network.path(a, id).delayMs = 40;
    const subscriber = scenario.client('s', a, session);
    const publishers = [leader, b, c].map((home) => scenario.client(`p-${home}`, home));
    for (const filter of ['x', 'y/+', 'z/#']) {
      subscriber.subscribe({ filter, qos: 1 });
      scenario.waitFor('SUBACK', 200, () => subscriber.isIdle);
      for (const publisher of publishers) publisher.publish(filter.replace(/[+#]/, '1'), 0);
      scenario.run(200);
    }
    expect(scenario.arrivals(subscriber).length).toBe(9);
    expect(scenario.finish()).toEqual([]);
  },
);

/** This test fails if a home does not announce the interest of a session before CONNACK. */
test('the cluster delivers a QoS 0 message that is published after the CONNACK of a resumed session (P2)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const [a, b, c] = scenario.followers() as [string, string, string];
  // The log takes longer to commit than the interest of the homes takes to c.
  for (const home of [a, b]) {
    scenario.world.network.path(home, c).delayMs = 15;
    scenario.world.network.path(home, leader).delayMs = 20;
    scenario.world.network.path(leader, home).delayMs = 20;
  }
  const subscriber = scenario.client('s', a, { subscriptions: [{ filter: 'x', qos: 0 }] });
  const publisher = scenario.client('p', c);
  let expected = 0;
  for (const home of [b, a, b, a, b, a]) {
    subscriber.move(home, 'disconnect');
    scenario.waitForClient(subscriber);
    publisher.publish('x', 0);
    expected++;
    scenario.run(200);
  }
  expect(scenario.arrivals(subscriber).length).toBe(expected);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if SUBACK waits for the answer of a peer without a bound, or again for each SUBSCRIBE. */
test('a member that does not answer delays one SUBACK by 100 ms and further ones not at all (P9)', () => {
  const scenario = new Scenario();
  const [a, b, c] = scenario.followers() as [string, string, string];
  const subscriber = scenario.client('s', a, { clean: true, expirySeconds: 0 });
  scenario.world.network.path(b, a).delayMs = 400;
  const subscribe = (filter: string, withinMs: number): void => {
    subscriber.subscribe({ filter, qos: 0 });
    scenario.waitFor('SUBACK', withinMs, () => subscriber.isIdle);
  };
  subscribe('x', 150);
  subscribe('y', 50);
  scenario.world.network.path(b, a).delayMs = 1;
  scenario.run(1_000);
  scenario.world.partition(scenario.others(c), [c]);
  subscribe('z', 150);
  scenario.run(3_000);
  subscribe('w', 50);
  expect(scenario.finish()).toEqual([]);
});
