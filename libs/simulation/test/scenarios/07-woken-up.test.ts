import { Story } from '../../src/index.ts';

/** Seen to fail when a leader commits by its own disk alone. */
test('7 woken up: a leader that slept acknowledges nothing that the new leader has not committed', () => {
  const story = new Story({ whenIsolated: 'hold' });
  const sleeper = story.leader();
  const [b] = story.followers() as [string];
  const subscriber = story.client('s', b, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = story.client('p', sleeper);
  // Its clients do not notice, and go on sending into its socket.
  story.world.host(sleeper).pause();
  const publications = [publisher.publish('x', 1), publisher.publish('x', 2)];
  story.run(3_000);
  const leader = story.leader();
  expect(leader).not.toBe(sleeper);
  story.world.partition([sleeper], story.others(sleeper));
  story.world.wake(sleeper);
  story.run(1_500);
  expect(publications.map(({ ackedAtMs }) => ackedAtMs)).toEqual([null, null]);
  story.world.heal();
  story.waitForAck(...publications);
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(subscriber).length).toBeGreaterThan(1);
});
