import { smallLimits, Scenario } from '../../src/index.ts';

/** This test fails if a home that installs a snapshot keeps its connections open. */
test('the cluster loses no message that an isolated member acknowledged or queued when it returns by snapshot (P1, P3)', () => {
  const scenario = new Scenario({ limits: { ...smallLimits, logBytesMax: 8_192, keepEntries: 16 } });
  const [g, b, c] = scenario.followers() as [string, string, string];
  const subscriptions = [{ filter: 'x', qos: 1 as const }];
  const clean = scenario.client('clean', g, { clean: true, expirySeconds: 0, subscriptions });
  const persistent = scenario.client('persistent', g, { subscriptions });
  const subscriber = scenario.client('s', c, {
    subscriptions: [{ filter: '#', qos: 1 }],
    receiveMaximum: 100,
  });
  const publisher = scenario.client('p', b, { windowMax: 20 });
  const lonely = scenario.client('q', g);
  scenario.waitForAck(publisher.publish('r', 1, { retain: true }));

  scenario.world.partition(scenario.others(g), [g]);
  scenario.waitFor('g is isolated', 4_000, () => scenario.status(g).state === 'isolated');
  const degraded = [lonely.publish('y', 1), lonely.publish('y', 1)];
  const stale = lonely.publish('r', 1, { retain: true });
  scenario.waitForAck(...degraded, stale);
  const missed = Array.from({ length: 150 }, () => publisher.publish('x', 1));
  const cleared = publisher.publish('r', 1, { retain: true, clears: true });
  scenario.waitFor('all messages are acknowledged', 10_000, () => cleared.ackedAtMs !== null);
  for (let round = 0; round < 12; round += 1) {
    for (let count = 0; count < 60; count += 1) publisher.publish(`bulk/${count}`, 1);
    scenario.waitFor('the window is free', 10_000, () => publisher.isIdle);
  }
  const leaderStatus = scenario.status(scenario.leader());
  expect(leaderStatus.snapshotIndex).toBeGreaterThan(scenario.status(g).lastIndex);

  const hasInstalled = (): boolean =>
    scenario.world.events.some(
      ({ member, event }) => member === g && event.kind === 'snapshot' && event.action === 'installed',
    );
  // The proposals of the member are dropped until it has installed the snapshot.
  scenario.world.network.filter = (from, { message }) =>
    from !== g || message.type !== 'propose' || hasInstalled();
  scenario.world.heal();
  scenario.waitFor('g installs a snapshot', 5_000, hasInstalled);
  expect(scenario.finish()).toEqual([]);
  for (const publication of degraded)
    expect(scenario.deliveryCount(subscriber, publication)).toBeGreaterThan(0);
  for (const publication of missed)
    expect(scenario.deliveryCount(persistent, publication)).toBeGreaterThan(0);
  expect(clean.connected).toBe(true);
  const auditor = scenario.client('auditor', g, { subscriptions: [{ filter: 'r', qos: 1 }] });
  scenario.run(500);
  expect(scenario.arrivals(auditor).filter(({ retained }) => retained)).toEqual([]);
});
