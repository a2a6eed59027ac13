import { defaultClient, Scenario } from '../../src/index.ts';

/**
 * This test fails if entries contain the time of the leader's own clock. The clocks of the members differ by
 * days.
 */
test('the cluster keeps the last retained write and expires no session early although the clocks of leaders differ (P5)', () => {
  const scenario = new Scenario();
  const a = scenario.leader();
  const [b, g] = scenario.followers() as [string, string];
  const clocks = scenario.world.hosts.map(({ clockMs }) => clockMs);
  expect(Math.max(...clocks) - Math.min(...clocks)).toBeGreaterThan(10_000_000);
  const sleeper = scenario.client('sleeper', b, {
    subscriptions: [{ filter: 'y', qos: 1 }],
    expirySeconds: 60,
  });
  sleeper.leave('disconnect');
  const publisher = scenario.client('p', a);
  const writers = scenario.memberIds.map((home) => scenario.client(`writer-${home}`, home));
  scenario.waitForAck(publisher.publish('x', 1, { retain: true }));
  for (let change = 0; change < 4; change += 1) {
    const leader = scenario.leader();
    scenario.world.kill(leader);
    // Every possible new leader has batches of its own waiting.
    for (let count = 0; count < 60; count += 1) {
      for (const writer of writers) if (writer.outgoing.unfinished < 5) writer.publish('z', 1);
      scenario.run(25);
    }
    if (change === 0)
      scenario.waitForAck(
        scenario.client('q', g === leader ? b : g).publish('x', 1, { retain: true, clears: true }),
      );
    scenario.world.start(leader);
    scenario.waitForServing(leader);
  }
  scenario.waitForAck(scenario.client('r', null).publish('y', 1));
  sleeper.connect(null);
  scenario.waitForClient(sleeper);
  for (const id of scenario.memberIds) {
    const auditor = scenario.world.client({
      ...defaultClient,
      id: `auditor-${id}`,
      home: id,
      subscriptions: [{ filter: 'x', qos: 1 }],
    });
    auditor.connect();
    scenario.run(300);
    expect(scenario.arrivals(auditor)).toEqual([]);
  }
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(sleeper).length).toBe(1);
});

/** This test fails if a late QoS 1 message of a replaced connection sets the retained message. */
test('the cluster does not restore a deleted retained message when an isolated home proposes an older copy late (P5)', () => {
  const scenario = new Scenario({ whenIsolated: 'hold' });
  const [a, b, c] = scenario.followers() as [string, string, string];
  const publisher = scenario.client('p', a);
  scenario.world.partition([a], scenario.others(a));
  const set = publisher.publish('x', 1, { retain: true });
  scenario.run(100);
  publisher.move(b, 'vanish');
  scenario.waitForAck(set);
  scenario.waitForAck(publisher.publish('x', 1, { retain: true, clears: true }));
  scenario.world.heal();
  scenario.waitForServing(a);
  scenario.run(1_000);
  const auditor = scenario.client('auditor', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  scenario.run(500);
  expect(scenario.arrivals(auditor)).toEqual([]);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if an isolated home stamps accepted messages with the time of its isolation (seed 6981). */
test('a retained message stays deleted when a home whose outgoing links were cut proposes its PUBLISH late (P5)', () => {
  const scenario = new Scenario();
  const [a, b, c] = scenario.followers() as [string, string, string];
  const publisher = scenario.client('p', a);
  for (const other of scenario.others(a)) scenario.world.cutLink(a, other, 'one');
  const set = publisher.publish('x', 1, { retain: true });
  scenario.run(100);
  publisher.move(b, 'vanish');
  scenario.waitForAck(set);
  scenario.waitForAck(publisher.publish('x', 1, { retain: true, clears: true }));
  scenario.waitFor('a is isolated', 5_000, () => scenario.status(a).state === 'isolated');
  scenario.run(500);
  scenario.world.heal();
  scenario.waitForServing(a);
  scenario.run(1_000);
  const auditor = scenario.client('auditor', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  scenario.run(500);
  expect(scenario.arrivals(auditor)).toEqual([]);
  expect(scenario.finish()).toEqual([]);
});
