import { createSimulatedMember, smallLimits, Story } from '../../src/index.ts';

/** Seen to fail when a snapshot does not carry the settings. */
test('19 bounds: a queue at its bound, restarts in the middle, different limits, the same digest everywhere', () => {
  const story = new Story({
    createMember: (id, members, recovered, random) => {
      // A rolling change of configuration: no two members have the same limits of their own.
      const number = id.charCodeAt(0) - 96;
      const limits = { ...smallLimits, inFlightMax: 5 * number, cleanQueueMax: 100 * number };
      const logBytesMax = 8_192 * number;
      return createSimulatedMember({ whenIsolated: 'accept', limits: { ...limits, logBytesMax } })(
        id,
        members,
        recovered,
        random,
      );
    },
  });
  story.world.host('c').post((member) => member.changeSettings({ queuedMessagesMax: 10 }));
  story.run(300);
  const subscriber = story.client('s', 'b', { subscriptions: [{ filter: 'x', qos: 1 }] });
  subscriber.leave('disconnect');
  const publisher = story.client('p', 'd', { windowMax: 20 });
  for (const id of ['a', 'e', 'a', 'b', 'a']) {
    for (let count = 0; count < 60; count += 1) publisher.publish('x', 1);
    story.run(30);
    story.world.powerOff(id);
    story.run(300);
    story.world.start(id);
    story.waitForServing(id);
    story.must('acknowledged', 10_000, () => publisher.isSettled);
  }
  const last = Array.from({ length: 10 }, () => publisher.publish('x', 1));
  story.waitForAck(...last);
  expect(story.status('a').queuedMessages).toBe(10);
  subscriber.connect('f');
  story.waitForArrival(subscriber, ...last);
  const order = story.arrivals(subscriber).map(({ publication }) => publication);
  expect(order).toEqual(last.map(({ id }) => id));
  const digests = (): Set<string | undefined> =>
    new Set(story.names.map((id) => story.status(id).digest?.value));
  story.must('all have compared at one index', 10_000, () => {
    if (publisher.isSettled) publisher.publish('z', 1);
    return digests().size === 1 && !digests().has(undefined);
  });
  const wrong = story.finish().filter((text) => !text.startsWith('P1/P2'));
  expect(wrong).toEqual([]);
  expect(story.names.every((id) => story.status(id).digestsAgree)).toBe(true);
  expect(story.world.history.drops.get('queueFull')).toBeGreaterThan(0);
});
