import { simulatedMemberFactory, smallLimits, Scenario } from '../../src/index.ts';

/** This test fails if a snapshot does not contain the settings. */
test('members with different limits report equal digests when a queue overflows during restarts (P9)', () => {
  const scenario = new Scenario({
    createMember: (id, members, recovered, random) => {
      // As during a rolling change of configuration, all members have different local limits.
      const number = id.charCodeAt(0) - 96;
      const limits = { ...smallLimits, inFlightMax: 5 * number, cleanQueueMax: 100 * number };
      const logBytesMax = 8_192 * number;
      return simulatedMemberFactory({ whenIsolated: 'accept', limits: { ...limits, logBytesMax } })(
        id,
        members,
        recovered,
        random,
      );
    },
  });
  scenario.world.host('c').post((member) => member.changeSettings({ queuedMessagesMax: 10 }));
  scenario.run(300);
  const subscriber = scenario.client('s', 'b', { subscriptions: [{ filter: 'x', qos: 1 }] });
  subscriber.leave('disconnect');
  const publisher = scenario.client('p', 'd', { windowMax: 20 });
  for (const id of ['a', 'e', 'a', 'b', 'a']) {
    for (let count = 0; count < 60; count += 1) publisher.publish('x', 1);
    scenario.run(30);
    scenario.world.powerOff(id);
    scenario.run(300);
    scenario.world.start(id);
    scenario.waitForServing(id);
    scenario.waitFor('all messages are acknowledged', 10_000, () => publisher.isIdle);
  }
  const last = Array.from({ length: 10 }, () => publisher.publish('x', 1));
  scenario.waitForAck(...last);
  expect(scenario.status('a').queuedMessages).toBe(10);
  subscriber.connect('f');
  scenario.waitForArrival(subscriber, ...last);
  const order = scenario.arrivals(subscriber).map(({ publication }) => publication);
  expect(order).toEqual(last.map(({ id }) => id));
  const digests = (): Set<string | undefined> =>
    new Set(scenario.memberIds.map((id) => scenario.status(id).digest?.value));
  scenario.waitFor('all members have the same digest', 10_000, () => {
    if (publisher.isIdle) publisher.publish('z', 1);
    return digests().size === 1 && !digests().has(undefined);
  });
  const wrong = scenario.finish().filter((text) => !text.startsWith('P1/P2'));
  expect(wrong).toEqual([]);
  expect(scenario.memberIds.every((id) => scenario.status(id).digestsAgree)).toBe(true);
  expect(scenario.world.history.drops.get('queueFull')).toBeGreaterThan(0);
});
