import { Story } from '../../src/index.ts';

/** Seen to fail when those who hear of each other found a cluster without the others. */
test('14 first start: three of seven wait, and the seven found one cluster, up one by one', () => {
  const story = new Story({ unfounded: true });
  story.world.start('a', 'b', 'c');
  story.run(6_000);
  expect(['a', 'b', 'c'].map((id) => story.status(id).config)).toEqual([null, null, null]);
  expect(story.status('a').reason).toContain('waiting');
  for (const id of ['d', 'e', 'f', 'g']) {
    story.world.start(id);
    story.run(700);
  }
  story.waitForServing(...story.names);
  const configs = story.names.map((id) => JSON.stringify(story.status(id).config));
  expect(new Set(configs).size).toBe(1);
  expect(story.finish()).toEqual([]);
});

/** Seen to fail when a restarted member serves before its own start is applied. */
test('14 cold start: a majority comes up and serves what all had', () => {
  const story = new Story();
  const publisher = story.client('p', 'a');
  const subscriber = story.client('s', 'b', { subscriptions: [{ filter: 'x', qos: 2 }] });
  subscriber.leave('disconnect');
  const publication = publisher.publish('x', 2);
  story.waitForAck(publication);
  for (const id of story.names) story.world.powerOff(id);
  story.run(500);
  story.world.start('d', 'e', 'f', 'g');
  story.waitForServing('d', 'e', 'f', 'g');
  subscriber.connect('g');
  story.waitForArrival(subscriber, publication);
  expect(story.finish()).toEqual([]);
});

/** Seen to fail when votes count whatever store they come from. */
test('14 cold start: a majority up, one of them wiped, elects nobody until another comes', () => {
  const story = new Story();
  for (const id of story.names) story.world.powerOff(id);
  story.world.wipe('g');
  story.world.start('d', 'e', 'f', 'g');
  story.run(5_000);
  expect(['d', 'e', 'f', 'g'].some((id) => story.status(id).role === 'leader')).toBe(false);
  story.world.start('a');
  story.waitForServing('a', 'd', 'e', 'f', 'g');
  expect(story.finish()).toEqual([]);
});

/** Seen to fail when a start that hears no leader counts as isolated as soon as a member that has served. */
test('14 cold start: who hears no leader yet is not ready with what it had, but an island is served in the end', () => {
  const story = new Story();
  for (const id of story.names) story.world.powerOff(id);
  story.world.start('a');
  story.run(5_000);
  expect(story.status('a').state).toBe('joining');
  story.run(6_000);
  expect(story.status('a').state).toBe('isolated');
  story.world.start(...story.others('a'));
  story.waitForServing(...story.names);
  expect(story.finish()).toEqual([]);
});
