import { Scenario } from '../../src/index.ts';

/** This test fails if opening a session does not cancel its expiry. */
test('the cluster does not expire a session that its client has opened again in time (P3)', () => {
  const scenario = new Scenario();
  const [a, b, c] = scenario.followers() as [string, string, string];
  const publisher = scenario.client('p', c);
  const client = scenario.client('c', a, { expirySeconds: 2, subscriptions: [{ filter: 'x', qos: 1 }] });
  client.leave('disconnect');
  scenario.run(1_700);
  client.connect(b);
  scenario.waitForClient(client);
  scenario.run(2_000);
  scenario.waitForArrival(client, publisher.publish('x', 1));
  expect(scenario.finish()).toEqual([]);
});

/** The order in the log decides the race: all members agree, and Session Present reports the result. */
test.each([1_960, 1_980, 1_990, 2_000, 2_010, 2_020])(
  'the cluster reports the same Session Present that all members applied when a client returns after %d ms of 2000 (P3)',
  (awayMs) => {
    const scenario = new Scenario({ seed: awayMs });
    const [a, b, c] = scenario.followers() as [string, string, string];
    const publisher = scenario.client('p', c);
    // `sharesClientId` disables the check of Session Present: the race decides whether the session exists.
    const subscriptions = [{ filter: 'x', qos: 1 as const }];
    const client = scenario.client('c', a, { expirySeconds: 2, subscriptions, sharesClientId: true });
    const session = client.session;
    client.leave('disconnect');
    scenario.run(500);
    const queued = publisher.publish('x', 1);
    scenario.waitForAck(queued);
    scenario.run(awayMs - 500);
    client.connect(b);
    scenario.waitForClient(client);
    scenario.run(500);
    const survived = client.session === session;
    expect(scenario.deliveryCount(client, queued)).toBe(survived ? 1 : 0);
    scenario.waitForArrival(client, publisher.publish('x', 1));
    expect(scenario.finish()).toEqual([]);
  },
);
