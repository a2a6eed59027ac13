import { Scenario } from '../../src/index.ts';

/** This test fails if the state does not check the epoch of a command. */
test('the cluster applies commands of the former home of a moved session as void, but keeps its QoS 1 messages (P3)', () => {
  const scenario = new Scenario();
  const [a, b, c] = scenario.followers() as [string, string, string];
  const roamer = scenario.client('c', a, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const subscriber = scenario.client('s', c, { subscriptions: [{ filter: 'y', qos: 1 }] });
  const publisher = scenario.client('p', b);

  scenario.world.partition([a], scenario.others(a));
  scenario.waitFor('a is isolated', 4_000, () => scenario.status(a).state === 'isolated');
  const degraded = roamer.publish('y', 1);
  scenario.waitForAck(degraded);
  expect(degraded.ackedDegraded).toBe(true);
  // The isolated home cannot commit the UNSUBSCRIBE. The client moves before an UNSUBACK and subscribes at
  // its new home.
  const { connection } = roamer;
  connection?.toHost({ kind: 'unsubscribe', packetId: 77, filters: ['x'] });
  scenario.run(20);
  roamer.move(b, 'vanish');
  scenario.waitForClient(roamer);
  scenario.world.heal();
  scenario.waitForServing(a);
  scenario.run(1_000);

  const publication = publisher.publish('x', 1);
  scenario.waitForArrival(roamer, publication);
  scenario.waitForArrival(subscriber, degraded);
  expect(connection?.isServed).toBe(false);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a home does not close a connection that was taken over. */
test('the cluster keeps one of two connections with the same client id that open at the same moment (P4)', () => {
  const scenario = new Scenario();
  const [a, b] = scenario.followers() as [string, string];
  const twins = [a, b].map((home) =>
    scenario.unconnectedClient('twin', home, { sharesClientId: true, reconnects: false }),
  );
  for (const twin of twins) twin.connect();
  scenario.run(1_000);
  expect(scenario.world.liveConnections().get('twin')?.length).toBe(1);
  expect(twins.filter((twin) => twin.connected).length).toBe(1);
  expect(scenario.finish()).toEqual([]);
});
