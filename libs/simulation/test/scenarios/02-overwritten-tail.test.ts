import { smallLimits, Story } from '../../src/index.ts';

/** Seen to fail when a follower takes appends without comparing the term before them (paper, figure 7). */
test('2 overwritten tail: a minority that wrote on gives way, and nothing acknowledged is lost', () => {
  const story = new Story({ whenIsolated: 'hold', limits: { ...smallLimits, batchesInFlightMax: 64 } });
  const a = story.leader();
  const [b, c, d] = story.followers() as [string, string, string];
  const subscriber = story.client('s', d, { subscriptions: [{ filter: '#', qos: 1 }] });
  const here = story.client('p', a, { windowMax: 20 });
  const there = story.client('q', c);
  story.world.partition([a, b], story.others(a, b));
  // The overwritten tail is the longer one.
  for (let count = 0; count < 20; count += 1) {
    here.publish(`here/${count % 3}`, 1);
    story.run(20);
  }
  story.run(1_500);
  for (let count = 0; count < 20; count += 1) there.publish(`there/${count % 3}`, 2);
  story.run(400);
  expect(story.status(a).lastIndex).toBeGreaterThan(story.status(c).lastIndex);
  // The next leader begins with its own end of the log, which the others have differently.
  story.world.kill(story.leader());
  story.world.heal();
  story.run(1_000);
  expect(story.finish()).toEqual([]);
  for (const id of [a, b]) expect(story.status(id).digestsAgree).toBe(true);
  expect(new Set(story.arrivals(subscriber).map(({ publication }) => publication)).size).toBe(40);
});

/** Seen to fail when an append is answered before its sync. */
test('2 overwritten tail: an ack that went out before its sync would be lost with the power', () => {
  const story = new Story();
  const subscriber = story.client('s', 'a', { subscriptions: [{ filter: '#', qos: 1 }] });
  subscriber.leave('disconnect');
  const publisher = story.client('p', story.leader());
  // The leader's own disk is quick, those of all others take half a second.
  for (const id of story.followers()) story.world.host(id).disk.syncMs = [450, 500];
  const publication = publisher.publish('x', 1);
  const whole = story.world.until(() => publication.ackedAtMs !== null, 300);
  for (const id of story.names) story.world.powerOff(id);
  expect(whole).toBe(false);
  expect(story.violations).toEqual([]);
});
